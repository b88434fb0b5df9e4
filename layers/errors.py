"""What can go wrong with layers, one line each. `config/problems.py` turns them into HTTP."""

from typing import Any


class LayerError(Exception):
    """The parent of all errors about layers. The message is for the person, in their language."""

    code = "layer_error"


class NotReady(LayerError):
    """The layer lacks what publication needs; the message names it."""

    code = "not_ready"


class NoEarlierVersion(LayerError):
    code = "no_earlier_version"


class ImportRefused(LayerError):
    """A file that is not taken, or not before somebody chooses; `inspection` tells why."""

    code = "import_refused"

    def __init__(self, inspection: Any) -> None:
        self.inspection = inspection
        super().__init__("\n".join(inspection.sentences()))


class TooLarge(LayerError):
    """More is asked for than one answer carries; the message says the limit and what to do instead."""

    code = "too_large"


class UploadRefused(LayerError):
    """What was chosen cannot be one upload; the message tells what to choose instead."""

    code = "upload_refused"


class UploadTooLarge(UploadRefused):
    code = "upload_too_large"


class PieceRefused(LayerError):
    """A request of the upload protocol that cannot be understood; the message names what is wrong with it."""

    code = "piece_refused"


class WrongTus(PieceRefused):
    """Another version of the protocol, or none."""

    code = "wrong_protocol_version"
    headers = {"Tus-Version": "1.0.0"}


class NotAPiece(PieceRefused):
    code = "wrong_media_type"


class LengthMissing(PieceRefused):
    code = "length_missing"


class OffsetWrong(PieceRefused):
    """A piece that does not begin where the file ends."""

    code = "offset_wrong"


class PieceUnderWay(PieceRefused):
    code = "piece_under_way"


class ChecksumWrong(PieceRefused):
    code = "checksum_wrong"


class TooManyPieces(PieceRefused):
    """More unfinished uploads than one person may have."""

    code = "too_many_unfinished_uploads"


class DiskFull(PieceRefused):
    code = "disk_full"


class KeyRefused(LayerError):
    """An API key that is not made; the message tells why."""

    code = "key_refused"


class WrongKey(LayerError):
    """A request came with an API key that opens nothing; the message tells why."""

    code = "wrong_key"


class QuestionRefused(LayerError):
    """A spatial question that cannot be answered as it is; the message says why and what to ask instead."""

    code = "question_refused"


class QuestionTooSlow(QuestionRefused):
    code = "question_too_slow"


class QuestionsBusy(QuestionRefused):
    """As many questions as may run at once are being answered."""

    code = "questions_busy"


class EditOutdated(LayerError):
    """Changes that are laid over a version which is not the current one any more."""

    code = "edit_outdated"


class EditBusy(EditOutdated):
    """Changes that are being published."""

    code = "edit_busy"
