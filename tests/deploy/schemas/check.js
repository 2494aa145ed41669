// Reads a list of objects as JSON and writes a line for each that its schema does not take. A field
// that is unknown passes: these schemas tell what is missing and what is of another kind.
import { text } from "node:stream/consumers";

const PACKAGES = {
  "external-secrets.io/v1": "external-secrets",
  "gateway.networking.k8s.io/v1": "gateway-api",
  "monitoring.coreos.com/v1": "prometheus-operator",
  "traefik.io/v1alpha1": "traefik",
};

for (const object of JSON.parse(await text(process.stdin))) {
  const { apiVersion, kind, metadata } = object;
  const name = PACKAGES[apiVersion];
  if (!name) {
    console.log(`${kind} ${metadata.name}: no package has the schema of ${apiVersion}`);
    continue;
  }
  const kinds = await import(`@kubernetes-models/${name}/${apiVersion}`);
  try {
    new kinds[kind](object).validate();
  } catch (error) {
    console.log(`${kind} ${metadata.name}: ${error.message}`);
  }
}
