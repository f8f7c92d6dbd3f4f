# Reference values for intraclass correlations and kappa.
#   Rscript kappa.R               (in this folder) writes kappa_expected.tsv
# Package: psych. Data are published examples: Shrout & Fleiss 1979 (icc), Cohen 1968 (cohen) and Fleiss, Cohen & Everitt 1969 (fleiss), whose
# weights are given. psych's standard error of weighted kappa is not the large-sample one of Fleiss, Cohen & Everitt and is not kept; the tests
# compare with statsmodels and with the numerical delta method.
suppressMessages(library(psych))
options(digits = 17)
rows <- list()
keep <- function(case, statistic, value)
  rows[[length(rows) + 1]] <<- data.frame(case = case, statistic = statistic, value = sprintf("%.15g", value))
table <- matrix(c(9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7), 6, byrow = TRUE)
found <- ICC(table, lmer = FALSE)$results
names <- c("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)")
for (i in 1:6) { keep(names[i], "value", found$ICC[i]); keep(names[i], "ci_low", found[i, "lower bound"]); keep(names[i], "ci_high", found[i, "upper bound"]) }
of <- function(case, counts, weights = NULL) {
  k <- if (is.null(weights)) cohen.kappa(counts, n.obs = sum(counts)) else cohen.kappa(counts, weights, n.obs = sum(counts))
  which <- if (is.null(weights)) c("kappa", "var.kappa") else c("weighted.kappa", "var.weighted")
  keep(case, "value", k[[which[1]]])
  if (is.null(weights)) keep(case, "std_error", sqrt(k[[which[2]]]))
}
cohen <- matrix(c(88, 14, 18, 10, 40, 10, 2, 6, 12), 3, byrow = TRUE)
fleiss <- matrix(c(106, 10, 4, 22, 28, 10, 2, 12, 6), 3, byrow = TRUE)
own <- matrix(c(1, 0, 0.4444, 0, 1, 0.6667, 0.4444, 0.6667, 1), 3)
apart <- abs(outer(1:3, 1:3, "-")) / 2
of("cohen none", cohen); of("fleiss none", fleiss); of("fleiss own", fleiss, own)
of("cohen linear", cohen, 1 - apart); of("cohen quadratic", cohen, 1 - apart^2)
write.table(do.call(rbind, rows), "kappa_expected.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
writeLines(c(sub("R version (\\S+).*", "R \\1", R.version.string), paste("psych", packageVersion("psych"))), "kappa_versions.txt")
