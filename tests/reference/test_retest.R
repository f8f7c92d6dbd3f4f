# Reference values for test-retest error: photographs in visits in people.
#   Rscript test_retest.R         (in this folder) reads test_retest.tsv, writes test_retest_expected.tsv
# Packages: lme4 (variance components by restricted maximum likelihood).
# test_retest.tsv is simulated: 30 people with 3 visits of 2 photographs each (balanced), and 40 people with 2 to 4 visits of 1 to 5
# photographs (unbalanced); standard deviations 1.5 of people, 0.6 of visits, 0.8 of photographs.
suppressMessages(library(lme4))
options(digits = 17)
given <- read.table("test_retest.tsv", header = TRUE, sep = "\t", stringsAsFactors = TRUE)
rows <- list()
keep <- function(case, statistic, value)
  rows[[length(rows) + 1]] <<- data.frame(case = case, statistic = statistic, value = sprintf("%.15g", value))
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e6), calc.derivs = FALSE)
for (case in c("balanced", "unbalanced")) {
  d <- droplevels(given[given$case == case, ])
  d$visit <- interaction(d$participant_id, d$session_id, drop = TRUE)
  fit <- lmer(score ~ 1 + (1 | participant_id) + (1 | visit), d, control = control)
  components <- as.data.frame(VarCorr(fit)); sds <- setNames(components$sdcor, components$grp)
  keep(case, "sd_people", sds["participant_id"]); keep(case, "sd_visits", sds["visit"]); keep(case, "sd_photographs", sds["Residual"])
  table <- anova(lm(score ~ visit, d))
  keep(case, "mean_square_photographs", table["Residuals", "Mean Sq"]); keep(case, "df_photographs", table["Residuals", "Df"])
  keep(case, "sd_low", sqrt(table["Residuals", "Sum Sq"] / qchisq(0.975, table["Residuals", "Df"])))
  keep(case, "sd_high", sqrt(table["Residuals", "Sum Sq"] / qchisq(0.025, table["Residuals", "Df"])))
  first <- droplevels(d[d$session_id == "s1", ])
  one <- lmer(score ~ 1 + (1 | participant_id), first, control = control)
  between <- as.data.frame(VarCorr(one))$vcov
  keep(case, "icc_first_visit", between[1] / sum(between))
}
write.table(do.call(rbind, rows), "test_retest_expected.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
writeLines(c(sub("R version (\\S+).*", "R \\1", R.version.string), paste("lme4", packageVersion("lme4"))), "test_retest_versions.txt")
