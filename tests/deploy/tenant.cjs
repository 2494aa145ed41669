// node tenant.cjs TENANT: what auth0-deploy-cli makes of the file, once its own checks have passed.
const path = require("node:path");
const tool = path.join(process.cwd(), "node_modules/auth0-deploy-cli/lib");
const { default: YAMLContext } = require(path.join(tool, "context/yaml"));
const { Auth0 } = require(path.join(tool, "tools"));

async function main(tenant) {
  const config = {
    AUTH0_INPUT_FILE: tenant,
    AUTH0_KEYWORD_REPLACE_MAPPINGS: process.env,
  };
  // Once as it reads the file, once with what the file refers to.
  const context = new YAMLContext(config, {});
  await context.loadAssetsFromLocal();
  await new Auth0({}, context.assets, (name) => config[name]).validate();
  process.stdout.write(JSON.stringify(context.assets));
}

main(process.argv[2]).catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
