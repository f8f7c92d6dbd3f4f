"""The parts of the page, each a function from :class:`facies.report.data.ReportData` to a section."""
