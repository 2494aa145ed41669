/**
 * Writes into the access token when the person last showed a second factor, in Unix time. The API asks
 * for it where a decision is made (RFC 9470).
 *
 * A renewal does not know how the person signed in, so the moment is kept with the refresh token. Where
 * the tenant has no metadata of refresh tokens the claim is missing after a renewal, and the API asks
 * for the factor again.
 */
const AUDIENCE = "https://api.exampleco.com/timesheets";
const CLAIM = "https://api.exampleco.com/mfa_at";
const KEY = "mfa_at";

exports.onExecutePostLogin = async (event, api) => {
  if (event.resource_server?.identifier !== AUDIENCE) {
    return;
  }
  const renewal = event.transaction?.protocol === "oauth2-refresh-token";
  const shownAt = renewal ? Number(event.refresh_token?.metadata?.[KEY]) : lastFactor(event);
  if (!(shownAt > 0)) {
    return;
  }
  api.accessToken.setCustomClaim(CLAIM, shownAt);
  if (!renewal) {
    api.refreshToken?.setMetadata?.(KEY, String(shownAt));
  }
};

function lastFactor(event) {
  const moments = (event.authentication?.methods ?? [])
    .filter((method) => method.name === "mfa")
    .map((method) => Math.floor(Date.parse(method.timestamp) / 1000));
  return Math.max(0, ...moments.filter(Number.isFinite));
}
