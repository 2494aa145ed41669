// The same two endpoints with Fastify, pg and fast-jwt, as people write them who care for speed:
// JSON schemas, verified tokens remembered until they expire, pino's line for each request. It
// checks what the services check in these two requests; it has no metrics and no rate limit.
import { randomUUID } from "node:crypto";
import Fastify from "fastify";
import { createVerifier } from "fast-jwt";
import buildGetJwks from "get-jwks";
import pg from "pg";

const { AUTH_ISSUER, AUTH_AUDIENCE, DATABASE_URL, PORT } = process.env;

// A day has no zone, so it stays the text it is.
pg.types.setTypeParser(pg.types.builtins.DATE, (text) => text);
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 });

const COLUMNS = `id, person, date, project, task, minutes, note, billable, source, external_id,
  version, created_at, updated_at`;
const LIST = `SELECT ${COLUMNS} FROM entries WHERE person = $1 AND date BETWEEN $2 AND $3
  ORDER BY date DESC, id DESC LIMIT $4`;
const INSERT = `INSERT INTO entries
  (person, id, date, project, task, minutes, note, billable, source)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'app') RETURNING ${COLUMNS}`;
const PROJECT = "SELECT active, billable FROM projects WHERE code = $1";
const WEEK = `SELECT state, minutes[extract(isodow FROM $2::date)::integer] AS minutes FROM weeks
  WHERE person = $1 AND monday = $2::date - (extract(isodow FROM $2::date)::integer - 1)`;

const keys = buildGetJwks({ jwksPath: "/.well-known/jwks.json" });
const verify = createVerifier({
  key: ({ header }) => keys.getPublicKey({ kid: header.kid, alg: header.alg, domain: AUTH_ISSUER }),
  algorithms: ["RS256"],
  allowedAud: AUTH_AUDIENCE,
  allowedIss: AUTH_ISSUER,
  cache: 10000,
});

const refuse = (status, message) => Object.assign(new Error(message), { statusCode: status });

const requires = (scope) => async (request) => {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  if (scheme !== "Bearer" || !token) throw refuse(401, "No token");
  request.claims = await verify(token).catch(() => {
    throw refuse(401, "Invalid token");
  });
  if (!request.claims.scope?.split(" ").includes(scope)) throw refuse(403, "Missing scope");
};

const text = { type: "string" }, number = { type: "integer" }, moment = { type: "string", format: "date-time" };
const optional = { type: "string", nullable: true };
const day = { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}$" };
const entry = {
  type: "object",
  properties: {
    id: text, person: text, date: text, project: text, task: optional, minutes: number, note: text,
    billable: { type: "boolean" }, source: text, external_id: optional, version: number,
    created_at: moment, updated_at: moment,
  },
};
const page = { type: "object", properties: { items: { type: "array", items: entry } } };
const period = {
  type: "object",
  required: ["from", "to"],
  properties: { from: day, to: day, limit: { type: "integer", minimum: 1, maximum: 200, default: 50 } },
};
const newEntry = {
  type: "object",
  required: ["date", "project", "minutes"],
  additionalProperties: false,
  properties: {
    date: day,
    project: { type: "string", maxLength: 32 },
    minutes: { type: "integer", minimum: 1, maximum: 1440 },
    task: { type: "string", maxLength: 200, nullable: true },
    note: { type: "string", maxLength: 2000, default: "" },
    billable: { type: "boolean", nullable: true },
  },
};

// Fastify would write two lines for each request; the services write one.
const app = Fastify({ logger: true, disableRequestLogging: true });
app.decorateRequest("claims", null);
app.addHook("onResponse", (request, reply, done) => {
  request.log.info(
    {
      method: request.method, path: request.url.split("?", 1)[0], status: reply.statusCode,
      milliseconds: reply.elapsedTime, caller: request.claims?.sub,
    },
    "request",
  );
  done();
});

app.get(
  "/v1/entries",
  { onRequest: requires("read:timesheets"), schema: { querystring: period, response: { 200: page } } },
  async (request) => {
    const { from, to, limit } = request.query;
    const found = await pool.query({ name: "list", text: LIST, values: [request.claims.sub, from, to, limit] });
    return { items: found.rows };
  },
);

app.post(
  "/v1/entries",
  { onRequest: requires("create:timesheets"), schema: { body: newEntry, response: { 201: entry } } },
  async (request, reply) => {
    const person = request.claims.sub, draft = request.body;
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const project = (await client.query({ name: "project", text: PROJECT, values: [draft.project] })).rows[0];
      const week = (await client.query({ name: "week", text: WEEK, values: [person, draft.date] })).rows[0];
      if (!project?.active) throw refuse(422, "No such project");
      if (week && week.state !== "open") throw refuse(409, `The week is ${week.state}`);
      if (week && week.minutes + draft.minutes > 1440) throw refuse(422, "More than 24 hours a day");
      const values = [person, randomUUID(), draft.date, draft.project, draft.task, draft.minutes];
      values.push(draft.note, draft.billable ?? project.billable);
      const made = await client.query({ name: "insert", text: INSERT, values });
      await client.query("COMMIT");
      return reply.code(201).send(made.rows[0]);
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
  },
);

await app.listen({ port: Number(PORT), host: "127.0.0.1" });
