"""The report: one page, figures and tables, all drawn from `Results` alone."""

from fairtoll.report.page import render_html as render_html
from fairtoll.report.write import write_report as write_report
