"""Words of the libraries whose own catalogues have no Indonesian: named here, so that ours holds them.

Django looks a text up in the project's catalogue first, whoever asks for it.
"""

from django.utils.translation import gettext_noop as _

ADMIN = (
    _("Welcome back to"),
    _("Return to site"),
    _("Type to search"),
    _("Search apps and models..."),
    _("No results found"),
    _("No results matching your query"),
    _("This page yielded into no results. Create a new item or reset your filters."),
    _("Filters"),
    _("Apply Filters"),
    _("Reset filters"),
    _("Select value"),
    _("Select record"),
    _("Select action"),
    _("Select action to run"),
    _("General"),
    _("This item will be deleted."),
    _("Select all rows"),
    _("Loading more results..."),
    _("More actions"),
    _("Toggle password visibility"),
    _("Go back"),
    _("Run"),
    _("Light"),
    _("Dark"),
    _("System"),
)
"""django-unfold."""

API = (
    _("A valid number is required."),
    _("Datetime value out of range."),
    _("Not a valid string."),
    _("Must be a valid boolean."),
    _("Must be a valid UUID."),
    _("Malformed request."),
    _("Invalid cursor"),
    _('Method "{method}" not allowed.'),
    _("Ensure this field has no more than {max_length} elements."),
    _('Expected a list of items but got type "{input_type}".'),
    _("Invalid data. Expected a dictionary, but got {datatype}."),
    _("The submitted data was not a file. Check the encoding type on the form."),
)
"""Django REST framework."""
