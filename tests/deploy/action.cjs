// node action.cjs ACTION...: runs them in turn for each event on the standard input; what they did, as JSON.
const actions = process.argv.slice(2).map((path) => require(path).onExecutePostLogin);

async function run(event) {
  const done = { claims: {}, secondFactor: null, kept: {} };
  const api = {
    accessToken: { setCustomClaim: (name, value) => (done.claims[name] = value) },
    authentication: {
      challengeWithAny: (factors) => (done.secondFactor = factors.map((factor) => factor.type)),
    },
    multifactor: { enable: (provider) => (done.secondFactor = provider) },
    refreshToken: { setMetadata: (key, value) => (done.kept[key] = value) },
  };
  for (const action of actions) {
    await action(event, api);
  }
  return done;
}

let text = "";
process.stdin.on("data", (piece) => (text += piece));
process.stdin.on("end", async () => {
  process.stdout.write(JSON.stringify(await Promise.all(JSON.parse(text).map(run))));
});
