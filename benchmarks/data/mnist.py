"""MNIST (LeCun, Cortes, Burges) and Fashion-MNIST (Zalando): 60,000 + 10,000 grey 28 x 28.

The code that this literature shares subclasses torchvision's ``MNIST`` as ``FashionMNIST`` and
sets ``urls``, which torchvision ignores: it trains on MNIST twice. Here a file is known by its
md5, so that MNIST's under Fashion-MNIST's name is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.data.checks import require_known
from benchmarks.data.datasets import DataSet, Found, RawArrays, Remote
from benchmarks.data.idx import FILES, Digests, Release, lies_in, read_idx

MNIST_RELEASES: Mapping[str, Release] = {
    "torchvision": {
        "train_x": Digests("f68b3c2dcbeaaa9fbdd348bbdeb94873", "6bbc9ace898e44ae57da46a324031adb"),
        "train_y": Digests("d53e105ee54ea40749a09fcbcd1e9432", "a25bea736e30d166cdddb491f175f624"),
        "test_x": Digests("9fb629c4189551a2d022fa330f9573f3", "2646ac647ad5339dbf082846283269ea"),
        "test_y": Digests("ec29112dd5afa0611ce80d1b7f02629c", "27ae3e4e09519cfbb04c329615203637"),
    },
    "subset": {
        "train_x": Digests("42930765dd1efe2af5926216fce17b7c", "d73432216241cd20c54e8173c3ac00ca"),
        "train_y": Digests("525183884a91e39e60b91e2f74a3dc85", "ddfb6eb9283c10c8a0182f23d1df9f2e"),
        "test_x": Digests("78e7617d39dd0f4605369b825dfce8e6", "2646ac647ad5339dbf082846283269ea"),
        "test_y": Digests("ef198d564bed981685c30c7da017ac89", "27ae3e4e09519cfbb04c329615203637"),
    },
}
"""``torchvision``: the packed ones from its ``MNIST.resources``, the unpacked ones of the same
files. ``subset``: the first 20,000 training images and the whole test set of shared/data."""

FASHION_RELEASES: Mapping[str, Release] = {
    "torchvision": {
        "train_x": Digests("8d4fb7e6c68d591d4c3dfef9ec88bf0d", "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
        "train_y": Digests("25c81989df183df01b3e8a0aad5dffbe", "9018921c3c673c538a1fc5bad174d6f9"),
        "test_x": Digests("bef4ecab320f06d8554ea6380940ec79", "8181f5470baa50b63fa0f6fddb340f0a"),
        "test_y": Digests("bb300cfdad3c16e7a12a480ee83cd310", "15d484375f8d13e6eb1aabb0c3f46965"),
    },
    "subset": {
        "train_x": Digests("d3fad0f4ef7cc0756f0afd2590b432a1", "dcab80f289ae27ab265a1e83946f0a1c"),
        "train_y": Digests("d969641a9267a254f8e0469110fc9a92", "611c8ef3426a757a9375a0ac94541d26"),
        "test_x": Digests("9bcb76ea299a90e8109f62a570a44490", "4bb4107a89a38933fbbdd67584195c68"),
        "test_y": Digests("830cd04f764a01b1824d30ff5dbaeeb3", "84e2038f7beda4c0f4093bde29339f63"),
    },
}
"""``torchvision``: as above. ``subset``: 1,000 + 200 images a class of shared/data."""

MNIST_SUBSET_SHA256: Mapping[str, str] = {
    "train_x": "0256de32dd5050b8dd6e2b05e1ae765ddfc4e4b1ee926076b40746b1fa882e29",
    "train_y": "ac2a6dd13a63868fea65484f0d30f5bb73a157e6b782a45388424b43234d0580",
    "test_x": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "test_y": "2fd8de6bdb8d11780b4b96dc57847bcfe6953f7c32aa48bfcd8237c3b7847243",
}
FASHION_SUBSET_SHA256: Mapping[str, str] = {
    "train_x": "e1427044c614fabc29feeff0f27e6b68f88a9ee2f2cfe7d783b9157159864883",
    "train_y": "edb5c24bb179a6556a7c209366b41f7dcbe507d51488fd8fd6611f75bb4fbfe6",
    "test_x": "96315b1732ab731e68b8def3c284f34b605f7deb7a61e683c7d786265c827c83",
    "test_y": "677b67be3a6866e81ab9d69880459046c7b0cf6686fb05ec9ecd06e8b7299c67",
}
"""Of the decoded subsets, from the README.md of shared/data."""


@dataclass(frozen=True)
class IdxFiles:
    """Where the files of one of these data sets lie, and what they must be."""

    name: str
    title: str
    folders: tuple[str, ...]
    """Looked into in this order."""
    mirrors: tuple[str, ...]
    """torchvision's, tried in order."""
    releases: Mapping[str, Release]
    subset_sha256: Mapping[str, str]
    namesakes: Mapping[str, Release]
    """Files of these, by their data set's title, are refused by name."""

    def find(self, folder: Path) -> list[Found]:
        return [
            Found("idx", folder / name, partial(self._read, folder / name))
            for name in self.folders
            if lies_in(folder / name)
        ]

    def _read(self, folder: Path) -> RawArrays:
        release, arrays = read_idx(folder, self.releases, self.namesakes)
        if release == "subset":
            require_known(arrays, self.subset_sha256, str(folder), "copy the folder again")
        return arrays

    def data_set(self) -> DataSet:
        return DataSet(
            name=self.name,
            title=self.title,
            files=" or ".join(f"{folder}/*-ubyte.gz" for folder in self.folders),
            find=self.find,
            remotes=tuple(
                Remote(
                    path=f"{self.folders[0]}/{file}.gz",
                    urls=tuple(f"{mirror}{file}.gz" for mirror in self.mirrors),
                    md5=self.releases["torchvision"][array].packed,
                )
                for array, file in FILES.items()
            ),
            sizes=(60_000, 10_000),
        )


MNIST_FILES = IdxFiles(
    name="mnist",
    title="MNIST",
    folders=("MNIST/raw", "mnist"),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ),
    releases=MNIST_RELEASES,
    subset_sha256=MNIST_SUBSET_SHA256,
    namesakes={f"Fashion-MNIST ({key})": value for key, value in FASHION_RELEASES.items()},
)
FASHION_FILES = IdxFiles(
    name="fashion_mnist",
    title="Fashion-MNIST",
    folders=("FashionMNIST/raw", "fashion-mnist"),
    mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    releases=FASHION_RELEASES,
    subset_sha256=FASHION_SUBSET_SHA256,
    namesakes={f"MNIST ({key})": value for key, value in MNIST_RELEASES.items()},
)
