# Reference values for the paired difference of two coefficients, its equivalence and Fieller's interval of their ratio; base R and survival.
#   Rscript paired.R          (in this folder) reads cohort.tsv and families.tsv, writes paired_expected.tsv
suppressMessages(library(survival))
options(digits = 17, contrasts = c("contr.treatment", "contr.poly"))
cohort <- merge(read.table("cohort.tsv", header = TRUE, sep = "\t", na.strings = "n/a", stringsAsFactors = TRUE),
                read.table("families.tsv", header = TRUE, sep = "\t", na.strings = "n/a", stringsAsFactors = TRUE), by = "participant_id")
rows <- list()
keep <- function(case, statistic, value)
  rows[[length(rows) + 1]] <<- data.frame(case = case, statistic = statistic, value = sprintf("%.15g", value))
contributions <- function(fit, hc3) {  # of each person to the exposure's coefficient: a row of bread times score
  if (inherits(fit, "coxph")) return(residuals(fit, "dfbeta")[, 1])
  X <- model.matrix(fit)
  if (inherits(fit, "glm")) { mu <- fitted(fit); return(((X * (fit$y - mu)) %*% solve(crossprod(X * sqrt(mu * (1 - mu)))))[, 2]) }
  e <- residuals(fit); if (hc3) e <- e / (1 - hatvalues(fit))
  ((X * e) %*% solve(crossprod(X)))[, 2]
}
compare <- function(case, one, two, d, cluster, df, factor, margin, position) {
  parts <- cbind(contributions(one, is.null(cluster)), contributions(two, is.null(cluster)))
  if (!is.null(cluster)) parts <- rowsum(parts, as.character(cluster))
  V <- factor * crossprod(parts); b <- c(coef(one)[position], coef(two)[position])
  d <- b[2] - b[1]; se <- sqrt(V[1, 1] + V[2, 2] - 2 * V[1, 2]); q <- qt(0.975, df)
  keep(case, "difference", d); keep(case, "std_error", se)
  keep(case, "ci_low", d - q * se); keep(case, "ci_high", d + q * se); keep(case, "p_value", 2 * pt(-abs(d / se), df))
  keep(case, "p_equivalence", max(pt((d + margin) / se, df, lower.tail = FALSE), pt((margin - d) / se, df, lower.tail = FALSE)))
  f <- function(theta) (b[2] - theta * b[1])^2 - q^2 * (V[2, 2] - 2 * theta * V[1, 2] + theta^2 * V[1, 1])  # Fieller: not refused where below 0
  r <- b[2] / b[1]; keep(case, "ratio", r)
  if (b[1]^2 > q^2 * V[1, 1]) {
    keep(case, "ratio_low", uniroot(f, c(r - 1e3, r), tol = 1e-14)$root); keep(case, "ratio_high", uniroot(f, c(r, r + 1e3), tol = 1e-14)$root)
  }
}
columns <- c("perceived_age", "predicted_age", "age", "sex", "bmi", "site")
complete <- function(...) cohort[complete.cases(cohort[, c(..., columns)]), ]
formulas <- lapply(c("perceived_age", "predicted_age"), function(x) paste("~", x, "+ age + sex + bmi + site"))
both <- function(left, how) lapply(formulas, function(right) how(as.formula(paste(left, right))))
cr1 <- function(n, k, cluster) { G <- length(unique(cluster)); G / (G - 1) * (n - 1) / (n - k) }

d <- complete("cognition"); fits <- both("cognition", function(f) lm(f, d)); n <- nrow(d); k <- length(coef(fits[[1]]))
compare("linear", fits[[1]], fits[[2]], d, NULL, n - k, 1, 0.02, 2)
compare("linear_cluster", fits[[1]], fits[[2]], d, d$family_id, length(unique(d$family_id)) - 1, cr1(n, k, d$family_id), 0.02, 2)
d <- complete("copd"); tight <- glm.control(epsilon = 1e-14, maxit = 100)
fits <- both("copd", function(f) glm(f, binomial, d, control = tight)); n <- nrow(d); k <- length(coef(fits[[1]]))
compare("logistic", fits[[1]], fits[[2]], d, NULL, Inf, n / (n - k), 0.05, 2)
compare("logistic_cluster", fits[[1]], fits[[2]], d, d$family_id, Inf, cr1(n, k, d$family_id), 0.05, 2)
d <- complete("fracture", "fracture_years"); tight <- coxph.control(eps = 1e-11, toler.chol = 1e-13, iter.max = 100)
fits <- both("Surv(fracture_years, fracture)", function(f) coxph(f, d, control = tight))
compare("cox_cluster", fits[[1]], fits[[2]], d, d$family_id, Inf, 1, 0.05, 1)
write.table(do.call(rbind, rows), "paired_expected.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
