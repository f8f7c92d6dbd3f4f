# Reference values for the crossed model of photographs and readers.
#   Rscript crossed.R [penicillin.csv]   (in this folder) reads crossed.tsv, writes crossed_expected.tsv
# Packages: lme4 (restricted maximum likelihood). Penicillin is lme4's own; its figures are written, its data are not.
# crossed.tsv is simulated, every case with missing readings: photographs have SD 5 to 7, readers 2 to 4, readings 4 to 6; "repeats" has also an
# SD of 3 of photograph by reader. Standard errors of effects are roots of the prediction error variance, from Henderson's equations at lme4's
# variances. Intervals of standard deviations are by the profile of the restricted likelihood.
suppressMessages(library(lme4))
options(digits = 17)
given <- read.table("crossed.tsv", header = TRUE, sep = "\t", stringsAsFactors = TRUE)
path <- commandArgs(TRUE)
rows <- list()
keep <- function(case, statistic, term, value)
  rows[[length(rows) + 1]] <<- data.frame(case = case, statistic = statistic, term = term, value = sprintf("%.15g", value))
keep_all <- function(case, statistic, values) for (j in seq_along(values)) keep(case, statistic, names(values)[j], values[j])
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-13, maxfun = 1e6), calc.derivs = FALSE)

errors <- function(fit) {                      # roots of the prediction error variances of all random effects
  X <- getME(fit, "X"); Z <- as.matrix(getME(fit, "Z")); L <- as.matrix(getME(fit, "Lambda")); ZL <- Z %*% L
  M <- rbind(cbind(crossprod(ZL) + diag(ncol(ZL)), crossprod(ZL, X)), cbind(crossprod(X, ZL), crossprod(X)))
  back <- as.matrix(Matrix::bdiag(L, diag(ncol(X))))
  C <- sigma(fit)^2 * back %*% solve(M) %*% t(back)
  setNames(sqrt(diag(C))[seq_len(ncol(Z))], paste0(rep(names(getME(fit, "flist")), sapply(getME(fit, "flist"), nlevels)), " ",
                                                    unlist(lapply(getME(fit, "flist"), levels))))
}
describe <- function(case, fit, groups) {
  keep_all(case, "coef", fixef(fit)); keep_all(case, "std_error", sqrt(diag(as.matrix(vcov(fit)))))
  sds <- as.data.frame(VarCorr(fit)); keep_all(case, "sd", setNames(sds$sdcor, sds$grp))
  keep(case, "reml", "", REMLcrit(fit))
  se <- errors(fit)
  for (group in groups) {
    effects <- ranef(fit, condVar = FALSE)[[group]]
    keep_all(case, paste("blup", group), setNames(effects[[1]], rownames(effects)))
    keep_all(case, paste("blup_se", group), setNames(se[paste(group, rownames(effects))], rownames(effects)))
  }
}
profile_reml <- function(case, formula, d, groups) {   # where -2 restricted log likelihood is chi-square(1, 0.95) above its least
  fit <- lmer(formula, d, control = control); f <- lmer(formula, d, control = control, devFunOnly = TRUE); e <- environment(f)
  free <- nrow(d) - ncol(getME(fit, "X"))
  deviance <- function(logs) {                         # logs of the variances, residual last
    v <- exp(logs); f(sqrt(v[-length(v)] / v[length(v)]))
    e$pp$ldL2() + e$pp$ldRX2() + free * log(2 * pi * v[length(v)]) + (e$resp$wrss() + e$pp$sqrL(1)) / v[length(v)]
  }
  at <- log(c(getME(fit, "theta")^2, 1) * sigma(fit)^2); least <- deviance(at)
  stopifnot(abs(least - REMLcrit(fit)) < 1e-6)
  for (j in seq_along(at)) {
    fixed <- function(x) optim(at[-j], function(o) deviance(append(o, x, j - 1)), method = "BFGS", control = list(reltol = 1e-14, maxit = 1000))$value
    edge <- function(x) fixed(x) - least - qchisq(0.95, 1)
    for (end in c("low", "high")) {
      side <- if (end == "low") at[j] - c(3, 0.01) else at[j] + c(0.01, 4)
      keep(case, paste0("profile_", end), groups[j], exp(uniroot(edge, side, tol = 1e-9)$root / 2))
    }
  }
}
of <- function(case) droplevels(given[given$case == case, ])
both <- c("photo_id", "reader_id")
describe("sparse", lmer(reading ~ 1 + (1 | photo_id) + (1 | reader_id), of("sparse"), control = control), both)
describe("covariates", lmer(reading ~ position + reader_age + (1 | photo_id) + (1 | reader_id), of("covariates"), control = control), both)
describe("repeats", lmer(reading ~ position + (1 | photo_id) + (1 | reader_id) + (1 | photo_id:reader_id), of("repeats"), control = control), both)
describe("many_readers", lmer(reading ~ position + reader_age + (1 | photo_id) + (1 | reader_id), of("many_readers"), control = control), both)
for (case in c("covariates", "many_readers")) {        # photographs as fixed effects, at the mean position
  d <- of(case); d$position <- d$position - mean(d$position)
  describe(paste0(case, "_fixed"), lmer(reading ~ 0 + photo_id + position + (1 | reader_id), d, control = control), "reader_id")
}
d <- of("repeats")
describe("repeats_fixed", lmer(reading ~ 0 + photo_id + (1 | reader_id) + (1 | photo_id:reader_id), d, control = control), "reader_id")
profile_reml("sparse", reading ~ 1 + (1 | photo_id) + (1 | reader_id), of("sparse"), c("photo_id", "reader_id", "Residual"))
if (length(path)) {
  d <- read.csv(path, stringsAsFactors = TRUE)
  describe("penicillin", lmer(diameter ~ 1 + (1 | plate) + (1 | sample), d, control = control), c("plate", "sample"))
  profile_reml("penicillin", diameter ~ 1 + (1 | plate) + (1 | sample), d, c("plate", "sample", "Residual"))
}
write.table(do.call(rbind, rows), "crossed_expected.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
writeLines(c(sub("R version (\\S+).*", "R \\1", R.version.string), paste("lme4", packageVersion("lme4"))), "crossed_versions.txt")
