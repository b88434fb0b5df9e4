"""Keeping the answer to a spatial question as an agency's data, by the way of every upload (layers/uploads.py)."""

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Agency, User
from layers import question_words, uploads
from layers.downloads import Download, make_file, record, slugged
from layers.errors import QuestionRefused
from layers.formats import FORMATS
from layers.models import Access, ImportJob
from layers.question_kinds import Question
from layers.questions import answer_to, as_selection

FORMAT = FORMATS["gpkg"]


@transaction.atomic
def save_draft(*, question: Question, agency: Agency, by: User, base: str) -> ImportJob:
    """Hand the answer in as an upload of the agency's, described as far as the question tells. Raise LayerError.

    It begins visible to the agency only; the officer completes the description and the steward decides.
    """
    question = question.for_everybody()  # the kept data get readers of their own
    answer = answer_to(question)
    if not answer.feature_count:
        raise QuestionRefused(_("The answer is empty; there is nothing to keep."))
    with translation.override("id"):  # what is written about data is Indonesian first
        described = question_words.described(question, answer, base)
        about = {
            "title_id": described.title.rstrip("?")[:160],
            "abstract_id": described.abstract_id,
            "theme": described.theme,
            "licence": described.licence,
            "access": Access.AGENCY,
            "lineage": described.lineage,
        }
    wanted = Download(as_selection(question, answer, described), FORMAT, 4326, base)
    with make_file(wanted) as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(0)
        name = f"{slugged(about['title_id'])[:60].strip('-') or 'jawaban'}.{FORMAT.ending}"
        job = uploads.start(agency=agency, layer=None, files=[UploadedFile(file, name, FORMAT.media_type, size)], by=by)
    job.about = about
    job.save(update_fields=["about"])
    record(wanted, by=by)
    return job
