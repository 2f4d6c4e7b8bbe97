"""Every limit of the public page in one place, each with its reason.

Two cores and two gigabytes are the smallest machine that the page is meant for. What a visitor may
*ask* (sizes, depths, pixels) is limited where it is understood: resnet.config, resnet.inference.decoder,
resnet.headers. Here stands what a visitor may *occupy*.
"""

from resnet.inference.decoder import MAX_BYTES

# Connections. A thousand streams, those that are being answered, and some that have said nothing yet; a browser
# opens two ahead of need, and finishes a request's head within a second. A process has 1,024 open files by default.
OPEN_FILES, CONNECTIONS, SILENT = 8_192, 4_000, 500
HEAD_SECONDS, KEEP_ALIVE_SECONDS, MAX_HEAD = 10, 5, 32_000  # for a request's line and headers; between two; bytes
LOGGED_A_MINUTE = 5  # of one kind of trouble with connections

# Requests. The largest honest JSON body is a Trace view with a file record, some two kilobytes.
MAX_JSON, MAX_DEPTH, MAX_QUERY = 100_000, 16, 8_000  # bytes, nested levels, bytes
MAX_UPLOAD = MAX_BYTES + 100_000  # bytes: one picture and the form around it
MAX_AGENT, AGENTS_AT_ONCE = 2_000_000, 16  # bytes: a picture as text; questions, which share Gradio's one session
UPLOADS_AT_ONCE, UPLOADED_PER_HOUR = 48, 4_000_000_000  # a class at once; bytes, and files are deleted after an hour
FILES_A_FORM, FILE_BYTES = 2, 8_192  # each with a folder of its own; what one takes on the disk at least
JSON_SECONDS, UPLOAD_SECONDS = 20, 300  # for a body to arrive: a 25 MB picture at 0.7 Mbit/s
STREAMS = 1_000  # answers that stay open, two or three per visitor
KEPT_SECONDS, SWEEP_SECONDS = 3_600, 600  # uploads are kept for so long; how often the old are deleted
SESSIONS = 300  # whose race and controls Gradio remembers: 20 kB, and 0.25 MB once a page has set them

# Answers wait for who asked; a phone that changes its network comes back within a minute.
KEPT_SESSIONS, MESSAGE_BYTES, UNREAD_SECONDS = 2_000, 32_000_000, 60  # bytes of all together

# Work. How many of a kind run at once; the rest wait, each kind in a line of its own, and beyond it are told that
# the page is busy: so who fills the races' line keeps nobody from tracing. A question whose session opens no stream
# is nobody's, and leaves the line. Trace is Python and short, but may wait seconds for the Hub (HUB_AT_ONCE of them
# at most), so many run beside each other; a live experiment has a core to itself. Forward passes share one thread
# (resnet.inference.serving), where those of several visitors form batches; what surrounds them, decoding and
# drawing, runs beside it. Who waits for a download only waits: resnet.hub.downloads runs two at a time.
AT_ONCE = {"trace": 12, "classify": 16, "race": 1, "weights": 16, "teach": 8}
OTHERS_AT_ONCE = 2  # of each panel of Compare
HUB_AT_ONCE = 8  # of the traces
THREADS = 128  # more than all kinds together may occupy: none is ever short of one because of the others
WAITING = {"race": 8}  # ten minutes
OTHERS_WAITING, A_SESSION_WAITING = 64, 32  # of each kind; of one session in all
UNHEARD_SECONDS = 15  # from asking a question to opening the stream

QUEUE = {"max_size": None, "api_open": False}
LAUNCH = {"max_file_size": MAX_BYTES, "state_session_capacity": SESSIONS, "max_threads": THREADS}


def work(kind: str) -> dict:
    """How Gradio's events of a kind of work share the machine, whether a page or a program asks."""
    return {"concurrency_id": kind, "concurrency_limit": AT_ONCE.get(kind, OTHERS_AT_ONCE)}


def waiting(kind: str) -> int:
    """How many of a kind of work may stand in line."""
    return WAITING.get(kind, OTHERS_WAITING)
