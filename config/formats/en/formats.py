"""How English screens write figures and times: 1,234.5 and "Mon, 3 Jun 2026, 14:05 WITA"."""

DATE_FORMAT = "D, j M Y"
DATETIME_FORMAT = "D, j M Y, H:i T"
SHORT_DATE_FORMAT = "j M Y"
SHORT_DATETIME_FORMAT = "j M Y, H:i"
TIME_FORMAT = "H:i"
DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
