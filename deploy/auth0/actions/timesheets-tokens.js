/**
 * What the API learns of a person beside `sub`, and when a second factor is asked for.
 *
 * The namespace and the audience are those of libs/auth; a test holds them together.
 */
const AUDIENCE = "https://api.exampleco.com/timesheets";
const NAMESPACE = "https://api.exampleco.com/";
const STRONG_SCOPE = "approve:timesheets";

exports.onExecutePostLogin = async (event, api) => {
  if (event.resource_server?.identifier !== AUDIENCE) {
    return;
  }
  // Files name people by their e-mail: one that nobody has checked is not passed on.
  if (event.user.email && event.user.email_verified) {
    api.accessToken.setCustomClaim(`${NAMESPACE}email`, event.user.email);
  }
  if (event.user.name) {
    api.accessToken.setCustomClaim(`${NAMESPACE}name`, event.user.name);
  }
  if (needsSecondFactor(event)) {
    api.multifactor.enable("any", { allowRememberBrowser: false });
  }
};

/**
 * Whoever asks to approve shows a second factor, whether or not they hold the role now: a role that
 * is given later takes effect at the next renewal, where nobody can be asked.
 */
function needsSecondFactor(event) {
  if (event.transaction?.protocol === "oauth2-refresh-token") {
    return false;
  }
  const wanted = event.transaction?.requested_scopes ?? [];
  const shown = event.authentication?.methods ?? [];
  return wanted.includes(STRONG_SCOPE) && !shown.some((method) => method.name === "mfa");
}
