from incidents.models.categories import Category
from incidents.models.drafts import DraftPhoto, ReportDraft
from incidents.models.marks import DayMark
from incidents.models.outbox import OutboxMessage
from incidents.models.reports import Photo, Report, ReportContact, ReportEvent
from incidents.models.rollups import ReportCell, ReportCellDelta
from incidents.models.routing import RoutingRule
from incidents.models.standards import RegencyHoliday, ServiceStandard

__all__ = [
    "Category",
    "DayMark",
    "DraftPhoto",
    "OutboxMessage",
    "Photo",
    "RegencyHoliday",
    "Report",
    "ReportCell",
    "ReportCellDelta",
    "ReportContact",
    "ReportDraft",
    "ReportEvent",
    "RoutingRule",
    "ServiceStandard",
]
