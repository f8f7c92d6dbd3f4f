# Reference values for Firth, Cox, count, ordinal and mixed regressions.
#   Rscript families.R            (in this folder) reads cohort.tsv and families.tsv, writes families_expected.tsv
# Packages: survival (Cox), MASS (polr, glm.nb), lme4 (random intercept), brglm2 (Firth: type "AS_mean" on the logit is Jeffreys' penalty).
# families.tsv is simulated: further outcomes of the 240 people of cohort.tsv, with missing values.
suppressMessages({ library(survival); library(MASS); library(lme4); library(brglm2) })
options(digits = 17, contrasts = c("contr.treatment", "contr.poly"))
cohort <- merge(read.table("cohort.tsv", header = TRUE, sep = "\t", na.strings = "n/a", stringsAsFactors = TRUE),
                read.table("families.tsv", header = TRUE, sep = "\t", na.strings = "n/a", stringsAsFactors = TRUE), by = "participant_id")
rows <- list()
keep <- function(case, term, statistic, value)
  rows[[length(rows) + 1]] <<- data.frame(case = case, term = term, statistic = statistic, value = sprintf("%.15g", value))
keep_all <- function(case, coef, se) for (j in seq_along(coef)) {
  keep(case, names(coef)[j], "coef", coef[j]); keep(case, names(coef)[j], "std_error", se[j])
}
columns <- c("perceived_age", "age", "sex", "bmi", "site")
right <- paste(columns, collapse = " + ")
complete <- function(...) cohort[complete.cases(cohort[, c(..., columns)]), ]
sandwich <- function(contributions, cluster, n, k, factor) {
  G <- length(unique(cluster)); sums <- rowsum(contributions, as.character(cluster))
  crossprod(sums) * (if (factor) G / (G - 1) * (n - 1) / (n - k) else 1)
}

# Cox, plain, by family, and with age as the time scale
d <- complete("fracture", "fracture_years"); tight <- coxph.control(eps = 1e-11, toler.chol = 1e-13, iter.max = 100)
fit <- coxph(as.formula(paste("Surv(fracture_years, fracture) ~", right)), d, control = tight)
keep_all("cox", coef(fit), sqrt(diag(vcov(fit)))); keep("cox", "", "n", fit$n)
fit <- coxph(as.formula(paste("Surv(fracture_years, fracture) ~", right)), d, cluster = family_id, control = tight)
keep_all("cox_cluster", coef(fit), sqrt(diag(vcov(fit))))
d$exit <- d$age + d$fracture_years
fit <- coxph(Surv(age, exit, fracture) ~ perceived_age + sex + bmi + site, d, cluster = family_id, control = tight)
keep_all("cox_age", coef(fit), sqrt(diag(vcov(fit))))

# Poisson (HC0 and by family) and negative binomial, with time at risk
d <- complete("falls", "falls_years"); glm_tight <- glm.control(epsilon = 1e-15, maxit = 200)
fit <- glm(as.formula(paste("falls ~", right, "+ offset(log(falls_years))")), poisson, d, control = glm_tight)
X <- model.matrix(fit); mu <- fitted(fit); bread <- solve(crossprod(X * sqrt(mu))); parts <- (X * (d$falls - mu)) %*% bread
keep_all("poisson", coef(fit), sqrt(diag(crossprod(parts)))); keep("poisson", "", "n", nobs(fit))
keep_all("poisson_cluster", coef(fit), sqrt(diag(sandwich(parts, d$family_id, nrow(X), ncol(X), TRUE))))
fit <- glm.nb(as.formula(paste("falls ~", right, "+ offset(log(falls_years))")), d, control = glm.control(epsilon = 1e-15, maxit = 500))
X <- model.matrix(fit); mu <- fitted(fit); w <- mu / (1 + mu / fit$theta); bread <- solve(crossprod(X * sqrt(w)))
parts <- (X * ((d$falls - mu) / (1 + mu / fit$theta))) %*% bread
keep_all("negative_binomial", coef(fit), sqrt(diag(bread))); keep("negative_binomial", "", "dispersion", 1 / fit$theta)
keep_all("negative_binomial_cluster", coef(fit), sqrt(diag(sandwich(parts, d$family_id, nrow(X), ncol(X), TRUE))))

# proportional odds
d <- complete("frailty"); d$level <- factor(d$frailty)
fit <- polr(as.formula(paste("level ~", right)), d, Hess = TRUE, control = list(reltol = 1e-16, maxit = 10000))
beta <- coef(fit); zeta <- fit$zeta; X <- model.matrix(fit)[, -1]
score <- function(par) {                      # polr's optimum is polished by Newton's method with numerical derivatives of the analytical score
  b <- par[seq_along(beta)]; z <- c(-Inf, par[-seq_along(beta)], Inf); l <- as.integer(d$level); e <- drop(X %*% b)
  hi <- plogis(z[l + 1] - e); lo <- plogis(z[l] - e); dh <- hi * (1 - hi); dl <- lo * (1 - lo); p <- hi - lo
  G <- cbind(-X * ((dh - dl) / p))
  for (j in seq_along(zeta)) G <- cbind(G, ((l == j) * dh - (l == j + 1) * dl) / p)
  G
}
par <- c(beta, zeta)
information <- function(par) { h <- 1e-5; -sapply(seq_along(par), function(j) { s <- replace(numeric(length(par)), j, h)
  (8 * (colSums(score(par + s)) - colSums(score(par - s))) - (colSums(score(par + 2 * s)) - colSums(score(par - 2 * s)))) / (12 * h) }) }
for (i in 1:20) par <- par + solve(information(par), colSums(score(par)))
bread <- solve(information(par)); k <- seq_along(beta)
keep_all("ordinal", par[k], sqrt(diag(bread))[k]); keep("ordinal", "", "n", nrow(d))
parts <- score(par) %*% bread
keep_all("ordinal_cluster", par[k], sqrt(diag(sandwich(parts, d$family_id, nrow(d), length(par), TRUE)))[k])

# random intercept
d <- complete("cognition")
fit <- lmer(as.formula(paste("cognition ~", right, "+ (1 | family_id)")), d, REML = TRUE,
            control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e5)))
keep_all("linear_mixed", fixef(fit), sqrt(diag(as.matrix(vcov(fit)))))
keep("linear_mixed", "", "ratio", as.data.frame(VarCorr(fit))$vcov[1] / sigma(fit)^2)

# Firth
d <- complete("rare")
fit <- glm(as.formula(paste("rare ~", right)), binomial, d, method = "brglmFit", type = "AS_mean", epsilon = 1e-13, maxit = 10000)
keep_all("firth", coef(fit), sqrt(diag(vcov(fit)))); keep("firth", "", "n_events", sum(d$rare))
penalised <- function(offset_value) {         # the penalised log likelihood with the exposure's coefficient fixed, by Newton on the others
  X <- model.matrix(as.formula(paste("~", paste(columns[-1], collapse = " + "))), d); full <- cbind(X, d$perceived_age)
  o <- offset_value * d$perceived_age
  value <- function(b) { e <- drop(X %*% b) + o; p <- plogis(e); sum(dbinom(d$rare, 1, p, log = TRUE)) +
    0.5 * determinant(crossprod(full * sqrt(p * (1 - p))))$modulus }
  start <- coef(fit)[-2]; scale <- sqrt(diag(vcov(fit)))[-2]
  -nlm(function(s) -value(start + s * scale), rep(0, length(start)), gradtol = 1e-10, steptol = 1e-12, iterlim = 1000)$minimum
}
top <- optimize(penalised, coef(fit)[2] + c(-0.02, 0.02), maximum = TRUE, tol = 1e-10)$objective
keep("firth", "perceived_age", "p_value", pchisq(2 * (top - penalised(0)), 1, lower.tail = FALSE))
edge <- function(x) 2 * (top - penalised(x)) - qchisq(0.95, 1)
se <- sqrt(diag(vcov(fit)))[2]
keep("firth", "perceived_age", "ci_low", uniroot(edge, coef(fit)[2] - c(4, 1) * se, tol = 1e-11)$root)
keep("firth", "perceived_age", "ci_high", uniroot(edge, coef(fit)[2] + c(1, 4) * se, tol = 1e-11)$root)

versions <- c(R = paste(R.version$major, R.version$minor, sep = "."), sapply(c("survival", "MASS", "lme4", "brglm2"), function(p) as.character(packageVersion(p))))
writeLines(paste(names(versions), versions), "families_versions.txt")
write.table(do.call(rbind, rows), "families_expected.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
