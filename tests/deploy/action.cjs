// node action.cjs ACTION: runs it for each event on the standard input; what it did, as JSON.
const { onExecutePostLogin } = require(process.argv[2]);

async function run(event) {
  const done = { claims: {}, secondFactor: false };
  await onExecutePostLogin(event, {
    accessToken: { setCustomClaim: (name, value) => (done.claims[name] = value) },
    multifactor: { enable: (provider) => (done.secondFactor = provider) },
  });
  return done;
}

let text = "";
process.stdin.on("data", (piece) => (text += piece));
process.stdin.on("end", async () => {
  process.stdout.write(JSON.stringify(await Promise.all(JSON.parse(text).map(run))));
});
