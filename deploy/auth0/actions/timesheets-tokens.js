/**
 * Adds e-mail and name to the access token, and asks for a second factor unless the token can only do
 * what belongs to the person. The action after this one writes when the factor was shown.
 *
 * The namespace, the audience and the scopes are those of libs/auth; a test holds them together.
 */
const AUDIENCE = "https://api.exampleco.com/timesheets";
const NAMESPACE = "https://api.exampleco.com/";
const OURS = /^(read|create|delete|approve|manage):(timesheets|people|reports|events|audit)$|^batch:upload$/;
const PERSONAL = ["read:timesheets", "create:timesheets", "delete:timesheets"];
const SECOND_FACTOR = "http://schemas.openid.net/pape/policies/2007/06/multi-factor";
const FACTORS = ["otp", "webauthn-roaming", "webauthn-platform"];
// STEP_UP_MAX_AGE of the services: an older factor would be asked for at the first decision.
const MAX_AGE = 12 * 3600;

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
    askForSecondFactor(event, api);
  }
};

/**
 * Roles do not matter: one that is given later takes effect at the next renewal, where nobody can be
 * asked. A request that names none of our scopes gets every permission of the person (`permissions`),
 * so it counts as one for all of them.
 */
function needsSecondFactor(event) {
  if (event.transaction?.protocol === "oauth2-refresh-token") {
    return false;
  }
  const ours = (event.transaction?.requested_scopes ?? []).filter((scope) => OURS.test(scope));
  const personal = ours.length > 0 && ours.every((scope) => PERSONAL.includes(scope));
  const stepUp = (event.transaction?.acr_values ?? []).includes(SECOND_FACTOR);
  return (stepUp || !personal) && !hasRecentFactor(event);
}

function hasRecentFactor(event) {
  const asked = Number.parseInt(event.request?.query?.max_age, 10);
  const maxAge = asked >= 0 ? Math.min(asked, MAX_AGE) : MAX_AGE;
  return (event.authentication?.methods ?? []).some(
    ({ name, timestamp }) => name === "mfa" && Date.now() - Date.parse(timestamp) <= maxAge * 1000,
  );
}

function askForSecondFactor(event, api) {
  const types = (event.user.enrolledFactors ?? []).map((factor) => factor.type);
  const enrolled = FACTORS.filter((type) => types.includes(type));
  if (enrolled.length > 0) {
    // The next action runs once the factor was shown, and sees when.
    api.authentication.challengeWithAny(enrolled.map((type) => ({ type })));
  } else {
    // Enrols one. The flow ends with it, so the first step-up comes back for the moment.
    api.multifactor.enable("any", { allowRememberBrowser: false });
  }
}
