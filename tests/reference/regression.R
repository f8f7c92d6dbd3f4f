# Reference values for the regressions, agreement and multiplicity of facies, in base R only.
#   Rscript regression.R          (in this folder) reads cohort.tsv and writes regression_expected.tsv
# cohort.tsv is simulated: 240 people in 80 families of three, with missing values.
options(digits = 17, contrasts = c("contr.treatment", "contr.poly"))
cohort <- read.table("cohort.tsv", header = TRUE, sep = "\t", na.strings = "n/a", stringsAsFactors = TRUE)
rows <- list()
keep <- function(name, term, statistic, value) {
  rows[[length(rows) + 1]] <<- data.frame(case = name, term = term, statistic = statistic, value = sprintf("%.15g", value))
}

# sandwich estimators, written out
hc3 <- function(fit) {
  X <- model.matrix(fit); e <- residuals(fit); h <- hatvalues(fit)
  bread <- solve(crossprod(X))
  bread %*% crossprod(X * (e / (1 - h))) %*% bread
}
cr1 <- function(fit, cluster) {
  X <- model.matrix(fit); n <- nrow(X); k <- ncol(X); G <- length(unique(cluster))
  if (inherits(fit, "glm")) {
    mu <- fitted(fit); scores <- X * residuals(fit, "response"); bread <- solve(crossprod(X * sqrt(mu * (1 - mu))))
  } else {
    scores <- X * residuals(fit); bread <- solve(crossprod(X))
  }
  sums <- rowsum(scores, as.character(cluster))
  (G / (G - 1)) * ((n - 1) / (n - k)) * bread %*% crossprod(sums) %*% bread
}
save_fit <- function(name, fit, V, df = Inf) {
  b <- coef(fit); se <- sqrt(diag(V))
  crit <- if (is.finite(df)) qt(0.975, df) else qnorm(0.975)
  p <- if (is.finite(df)) 2 * pt(-abs(b / se), df) else 2 * pnorm(-abs(b / se))
  for (j in seq_along(b)) {
    keep(name, names(b)[j], "coef", b[j]); keep(name, names(b)[j], "std_error", se[j])
    keep(name, names(b)[j], "ci_low", b[j] - crit * se[j]); keep(name, names(b)[j], "ci_high", b[j] + crit * se[j])
    keep(name, names(b)[j], "p_value", p[j])
  }
  keep(name, "", "n", nobs(fit))
}
tight <- glm.control(epsilon = 1e-14, maxit = 100)
complete <- function(outcome, columns) cohort[complete.cases(cohort[, c(outcome, columns)]), ]
model_1 <- c("age", "sex"); model_2 <- c("age", "sex", "bmi", "site")
for (set in c("model_1", "model_2")) {
  columns <- get(set)
  for (exposure in c("perceived_age", "predicted_age")) {
    right <- paste(c(exposure, columns), collapse = " + ")
    d <- complete("cognition", c("perceived_age", "predicted_age", columns))
    fit <- lm(as.formula(paste("cognition ~", right)), d)
    save_fit(paste("linear_hc3", set, exposure), fit, hc3(fit), df.residual(fit))
    save_fit(paste("linear_cr1", set, exposure), fit, cr1(fit, d$family_id), length(unique(d$family_id)) - 1)
    d <- complete("copd", c("perceived_age", "predicted_age", columns))
    fit <- glm(as.formula(paste("copd ~", right)), binomial, d, control = tight)
    save_fit(paste("logistic", set, exposure), fit, vcov(fit))
    save_fit(paste("logistic_cr1", set, exposure), fit, cr1(fit, d$family_id))
  }
}

observed <- cohort$perceived_age; predicted <- cohort$predicted_age; d <- predicted - observed; n <- length(d)
keep("agreement", "", "mae", mean(abs(d))); keep("agreement", "", "rmse", sqrt(mean(d^2)))
keep("agreement", "", "r", cor(observed, predicted)); keep("agreement", "", "bias", mean(d))
keep("agreement", "", "slope", coef(lm(predicted ~ observed))[2])
keep("agreement", "", "slope_observed_on_predicted", coef(lm(observed ~ predicted))[2])
z <- qnorm(0.975); s <- sd(d)
keep("bland_altman", "bias", "value", mean(d)); keep("bland_altman", "bias", "ci_low", t.test(d)$conf.int[1]); keep("bland_altman", "bias", "ci_high", t.test(d)$conf.int[2])
near <- qt(0.025, n - 1, z * sqrt(n)) * s / sqrt(n); far <- qt(0.975, n - 1, z * sqrt(n)) * s / sqrt(n)
keep("bland_altman", "low", "value", mean(d) - z * s); keep("bland_altman", "low", "ci_low", mean(d) - far); keep("bland_altman", "low", "ci_high", mean(d) - near)
keep("bland_altman", "high", "value", mean(d) + z * s); keep("bland_altman", "high", "ci_low", mean(d) + near); keep("bland_altman", "high", "ci_high", mean(d) + far)
middle <- (observed + predicted) / 2; fit <- lm(d ~ middle)
keep("proportional_bias", "", "value", coef(fit)[2]); keep("proportional_bias", "", "ci_low", confint(fit)[2, 1]); keep("proportional_bias", "", "ci_high", confint(fit)[2, 2])
for (k in c(0, 18, 20)) {
  ends <- binom.test(k, 20)$conf.int
  keep("proportion", k, "ci_low", ends[1]); keep("proportion", k, "ci_high", ends[2])
}
p <- c(.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1)
for (method in c("bonferroni", "holm", "BH")) {
  adjusted <- p.adjust(p, method)
  for (i in seq_along(p)) keep(paste("p_adjust", method), i, "value", adjusted[i])
}
for (i in 1:2) keep("r_version", "", c("major", "minor")[i], as.numeric(c(R.version$major, R.version$minor)[i]))
table <- do.call(rbind, rows)
write.table(table, "regression_expected.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
