import gc
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import torch

from resnet.hub.load import load
from resnet.inference import serving
from resnet.inference.serving import ServedNet, Server
from resnet.model import create

CPU = torch.device("cpu")
IMAGES = torch.randint(0, 256, (40, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(threads=1)


@pytest.fixture(scope="module")
def net() -> ServedNet:
    loaded = load("resnet20_fashion_mnist")
    return ServedNet(loaded.model, loaded.info, CPU, "fp32")


@pytest.fixture(scope="module")
def expected(net) -> torch.Tensor:
    return serving.answer(net, IMAGES).logits


class Held:
    """Keeps the inference thread busy, so that requests pile up behind it."""

    def __init__(self, server: Server):
        self.server, self.held, self.gate = server, threading.Event(), threading.Event()

    def __enter__(self) -> ThreadPoolExecutor:
        self.pool = ThreadPoolExecutor(64)
        self.pool.submit(self.server.heavy, self._hold)
        assert self.held.wait(30)
        return self.pool

    def _hold(self) -> None:
        self.held.set()
        self.gate.wait()

    def __exit__(self, *_):
        self.gate.set()
        self.pool.shutdown()


def wait_until(done, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.002)


def asked(server: Server, net: ServedNet, images: torch.Tensor, pool: ThreadPoolExecutor) -> list[Future]:
    """One request per image, all waiting, in this order."""
    futures = []
    for i, image in enumerate(images):
        before = len(server._waiting)
        futures.append(pool.submit(server.answer, net, image[None]))
        wait_until(lambda i=i, before=before: len(server._waiting) > before)
    return futures


def test_eager_answers_until_the_quick_form_is_ready(server, net, expected):
    for _ in range(2):
        assert server.form(net) is None
        torch.testing.assert_close(server.answer(net, IMAGES[:1]).logits, expected[:1], rtol=0, atol=1e-4)
    wait_until(lambda: server.form(net))
    assert server.form(net).one.way == "fused"
    torch.testing.assert_close(server.answer(net, IMAGES[:1]).logits, expected[:1], rtol=0, atol=1e-4)


def test_what_waits_together_goes_together_and_each_gets_its_own(server, net, expected):
    server.batches.clear()
    with Held(server) as pool:
        futures = asked(server, net, IMAGES[:22], pool)
    assert server.batches == {16: 1, 4: 1, 1: 2}
    found = torch.cat([future.result().logits for future in futures])
    torch.testing.assert_close(found, expected[:22], rtol=0, atol=1e-4)


def test_a_batch_is_as_large_as_the_device_likes(server, net):
    assert serving._batch(40, serving._Request(net, IMAGES[:1])) == 16
    assert serving._batch(40, serving._Request(net, torch.empty(1, 3, 224, 224))) == 4
    assert serving._batch(40, serving._Request(net, torch.empty(1, 3, 600, 600))) == 1
    assert serving._batch(40, serving._Request(net, IMAGES[:8])) == 1


def test_one_alone_does_not_wait_for_others(server, net):
    server.batches.clear()
    server.answer(net, IMAGES[:1])
    assert server.batches == {1: 1}


def test_other_nets_and_sizes_stay_apart(server, net, expected):
    plain = load("plain20_fashion_mnist")
    other = ServedNet(plain.model, plain.info, CPU, "fp32")
    server.batches.clear()
    with Held(server) as pool:
        futures = [asked(server, which, IMAGES[i:i + 1], pool)[0] for i, which in enumerate([net, other, net, other])]
        futures += asked(server, net, torch.zeros(1, 1, 32, 32, dtype=torch.uint8), pool)
    assert server.batches == {1: 5}  # two of a kind make no batch of four
    torch.testing.assert_close(futures[2].result().logits, expected[2:3], rtol=0, atol=1e-4)
    torch.testing.assert_close(futures[3].result().logits, serving.answer(other, IMAGES[3:4]).logits, rtol=0, atol=1e-4)


def test_an_error_goes_to_its_own_request(server, net, expected, monkeypatch):
    whole = Server._serve_batch

    def picky(self, net, pixels):
        if (pixels == 7).all((1, 2, 3)).any():
            raise RuntimeError("a picture of sevens")
        return whole(self, net, pixels)

    monkeypatch.setattr(Server, "_serve_batch", picky)
    images = IMAGES[:4].clone()
    images[2] = 7
    with Held(server) as pool:
        futures = asked(server, net, images, pool)
    with pytest.raises(RuntimeError, match="sevens"):
        futures[2].result()
    for i in (0, 1, 3):
        torch.testing.assert_close(futures[i].result().logits, expected[i:i + 1], rtol=0, atol=1e-4)


def test_heavy_work_runs_in_the_one_thread_and_may_ask_again(server, net, expected):
    def work():
        return threading.current_thread().name, server.heavy(lambda: server.answer(net, IMAGES[:1]).logits)

    name, logits = server.heavy(work)
    assert name == "inference"
    torch.testing.assert_close(logits, expected[:1], rtol=0, atol=1e-4)
    with pytest.raises(ZeroDivisionError):
        server.heavy(lambda: 1 / 0)


def test_a_net_that_is_asked_once_is_not_built(server):
    one = ServedNet(create("resnet20_cifar", in_channels=1).eval(), load("resnet20_fashion_mnist").info, CPU, "fp32")
    server.answer(one, IMAGES[:1])
    assert one.key in server._asked and one.key not in server._quick
    key = one.key
    del one
    gc.collect()
    assert key not in server._asked


@pytest.mark.slow
def test_what_is_kept_is_bounded_and_goes_with_its_net(server, monkeypatch):
    info = load("resnet20_fashion_mnist").info
    monkeypatch.setattr(serving, "MEMORY", 3_000_000)
    nets = [ServedNet(create("resnet20_cifar", in_channels=1, seed=i).eval(), info, CPU, "fp32") for i in range(3)]
    for one in nets:  # 2.2 MB each
        server.answer(one, IMAGES[:1])
        server.answer(one, IMAGES[:1])
        wait_until(lambda one=one: server.form(one))
    assert [server.form(one) is not None for one in nets] == [False, False, True]
    key = nets[2].key
    del nets, one
    gc.collect()
    wait_until(lambda: key not in server._quick)


STARTED = """
import os, threading
import torch
from resnet.inference import serving
torch.set_num_threads(5)
serving.processors = lambda: 4
serving.start()
seen = []
worker = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
worker.start()
worker.join()
print(torch.get_num_threads(), seen[0], serving.heavy(torch.get_num_threads), serving.heavy(torch.get_num_threads))
child = os.fork()
if child == 0:  # has no inference thread to ask
    os._exit(0 if serving.heavy(threading.current_thread) is threading.current_thread() else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_only_the_inference_thread_has_several_and_a_forked_process_does_without():
    done = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["1", "1", "4", "4", "0"]


SPREAD = """
import os, torch
from resnet.inference import serving
places = sorted(os.sched_getaffinity(0))
torch.set_num_threads(len(places))
server = serving.start()
before = serving._tasks()
server.heavy(lambda: torch.ones(1 << 22).add_(1))
assert serving._tasks() == before, "more workers came"
alone = sorted(min(os.sched_getaffinity(task)) for task in before if len(os.sched_getaffinity(task)) == 1)
assert alone == places, (alone, places)
assert sorted(os.sched_getaffinity(0)) == places
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="one processor")
def test_the_inference_thread_and_its_workers_have_a_processor_each():
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "MKL_"))}
    subprocess.run([sys.executable, "-c", SPREAD], env=environment, check=True, timeout=60)
