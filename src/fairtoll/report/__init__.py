"""The report: one page, figures and tables, all drawn from `results.json` alone."""

from fairtoll.report._html import render_html as render_html
from fairtoll.report._write import write_report as write_report
