"""Static files from node_modules, by the explicit list `VENDOR_FILES`; and the storage that hashes ES modules too."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage, Error
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage

NODE_MODULES = settings.BASE_DIR / "node_modules"


class VendorFinder(BaseFinder):
    """Find the files of `settings.VENDOR_FILES` ({static path: path below node_modules}), and no others."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        missing = [source for source in settings.VENDOR_FILES.values() if not (NODE_MODULES / source).is_file()]
        if not missing:
            return []
        return [Error(f"node_modules lacks {', '.join(missing)}.", hint="Run npm ci.", id="config.E001")]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        source = settings.VENDOR_FILES.get(path)
        found = NODE_MODULES / source if source else None
        if found is None or not found.is_file():
            return []
        return [str(found)] if find_all else str(found)

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, "RenamingStorage"]]:
        for path, source in settings.VENDOR_FILES.items():
            yield path, RenamingStorage(NODE_MODULES / source)


class RenamingStorage(FileSystemStorage):
    """A storage that holds one file, whatever name it is asked for; collectstatic copies from it."""

    prefix = ""

    def __init__(self, source: Path) -> None:
        super().__init__(location=source.parent)
        self.source = source

    def path(self, name: str) -> str:
        return str(self.source)


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):
    """Hash every file's name, and rewrite `import` statements between our ES modules to the hashed names."""

    support_js_module_import_aggregation = True
