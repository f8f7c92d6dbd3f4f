# Reference values for curves, effects by sex and pooled effects.
#   Rscript effects.R             (in this folder) reads cohort.tsv and families.tsv, writes effects_expected.tsv and effects_versions.txt
# Packages: splines (natural cubic splines), survival (Cox).
suppressMessages({ library(splines); library(survival) })
options(digits = 17, contrasts = c("contr.treatment", "contr.poly"))
cohort <- merge(read.table("cohort.tsv", header = TRUE, sep = "\t", na.strings = "n/a", stringsAsFactors = TRUE),
                read.table("families.tsv", header = TRUE, sep = "\t", na.strings = "n/a", stringsAsFactors = TRUE), by = "participant_id")
rows <- list()
keep <- function(case, term, statistic, value)
  rows[[length(rows) + 1]] <<- data.frame(case = case, term = term, statistic = statistic, value = sprintf("%.15g", value))
hc3 <- function(fit) {
  X <- model.matrix(fit); e <- residuals(fit); h <- hatvalues(fit); bread <- solve(crossprod(X))
  bread %*% crossprod(X * (e / (1 - h))) %*% bread
}
tight <- glm.control(epsilon = 1e-15, maxit = 100)
polished <- function(fit) {                   # glm's weights are those of the step before the last
  X <- model.matrix(fit); p <- fitted(fit); solve(crossprod(X * sqrt(p * (1 - p))))
}

# a spline of perceived age with age and sex: values at five points against the median, and the test of the bends
curve_of <- function(case, d, fit_it) {
  x <- d$perceived_age; k <- quantile(x, c(.05, .35, .65, .95)); middle <- median(x)
  basis <- function(v) cbind(v - middle, ns(v, knots = k[2:3], Boundary.knots = k[c(1, 4)])[, 2:3, drop = FALSE])
  B <- basis(x); colnames(B) <- c("line", "bend1", "bend2")
  found <- fit_it(cbind(d, B)); b <- found$coef; V <- found$V; j <- match(colnames(B), names(b))
  at <- seq(quantile(x, .025), quantile(x, .975), length.out = 5)
  C <- basis(at) - matrix(basis(middle), length(at), 3, byrow = TRUE)
  for (i in seq_along(at)) {
    keep(case, i, "at", at[i]); keep(case, i, "estimate", sum(C[i, ] * b[j]))
    keep(case, i, "std_error", sqrt(drop(C[i, ] %*% V[j, j] %*% C[i, ])))
  }
  wald <- drop(b[j[2:3]] %*% solve(V[j[2:3], j[2:3]]) %*% b[j[2:3]])
  keep(case, "", "p_nonlinear", if (is.finite(found$df)) pf(wald / 2, 2, found$df, lower.tail = FALSE) else pchisq(wald, 2, lower.tail = FALSE))
}
d <- cohort[complete.cases(cohort[, c("cognition", "perceived_age", "age", "sex")]), ]
curve_of("curve_linear", d, function(d) { f <- lm(cognition ~ line + bend1 + bend2 + age + sex, d); list(coef = coef(f), V = hc3(f), df = df.residual(f)) })
d <- cohort[complete.cases(cohort[, c("copd", "perceived_age", "age", "sex")]), ]
curve_of("curve_logistic", d, function(d) { f <- glm(copd ~ line + bend1 + bend2 + age + sex, binomial, d, control = tight)
  list(coef = coef(f), V = polished(f), df = Inf) })
d <- cohort[complete.cases(cohort[, c("fracture", "fracture_years", "perceived_age", "age", "sex")]), ]
curve_of("curve_cox", d, function(d) { f <- coxph(Surv(fracture_years, fracture) ~ line + bend1 + bend2 + age + sex, d,
  control = coxph.control(eps = 1e-11, toler.chol = 1e-13, iter.max = 100)); list(coef = coef(f), V = vcov(f), df = Inf) })

# effects within women and men, and their difference
by_sex <- function(case, b, V, df) {
  j <- match(c("perceived_age", "perceived_age:sexmale"), names(b)); C <- rbind(female = c(1, 0), male = c(1, 1), interaction = c(0, 1))
  for (level in rownames(C)) {
    e <- sum(C[level, ] * b[j]); se <- sqrt(drop(C[level, ] %*% V[j, j] %*% C[level, ]))
    keep(case, level, "estimate", e); keep(case, level, "std_error", se)
    keep(case, level, "p_value", if (is.finite(df)) 2 * pt(-abs(e / se), df) else 2 * pnorm(-abs(e / se)))
  }
}
d <- cohort[complete.cases(cohort[, c("cognition", "perceived_age", "age", "sex")]), ]
f <- lm(cognition ~ perceived_age * sex + age, d); by_sex("sex_linear", coef(f), hc3(f), df.residual(f))
d <- cohort[complete.cases(cohort[, c("copd", "perceived_age", "age", "sex")]), ]
f <- glm(copd ~ perceived_age * sex + age, binomial, d, control = tight); by_sex("sex_logistic", coef(f), polished(f), Inf)

# Rubin's rules with the degrees of freedom of Barnard and Rubin
q <- c(0.42, 0.51, 0.37, 0.46, 0.55); se <- c(0.11, 0.12, 0.10, 0.13, 0.11); m <- 5; complete_df <- 232
B <- var(q); T <- mean(se^2) + (1 + 1 / m) * B; share <- (1 + 1 / m) * B / T
old <- (m - 1) / share^2; seen <- (complete_df + 1) / (complete_df + 3) * complete_df * (1 - share)
keep("rubin", "", "estimate", mean(q)); keep("rubin", "", "std_error", sqrt(T)); keep("rubin", "", "freedom", 1 / (1 / old + 1 / seen))
keep("rubin", "", "missing_information", share)

writeLines(c(paste("R", paste(R.version$major, R.version$minor, sep = ".")), paste("survival", packageVersion("survival"))), "effects_versions.txt")
write.table(do.call(rbind, rows), "effects_expected.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
