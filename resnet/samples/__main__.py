"""python -m resnet.samples: make the sample files anew from the whole data set."""

from resnet.data import load_split, sample_file, save_split

SIZES = {"train": 6_000, "test": 10_000}  # each file stays under the 10 MB that a plain push to a Space takes


def main() -> None:
    for split, n in SIZES.items():
        save_split(load_split("fashion_mnist", split).first(n), sample_file("fashion_mnist", split))


if __name__ == "__main__":
    main()
