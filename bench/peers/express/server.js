// The same two endpoints with Express, pg and express-jwt, as people write them. It checks what the
// services check in these two requests; it has no metrics, no rate limit and no request ids.
import { randomUUID } from "node:crypto";
import express from "express";
import { expressjwt } from "express-jwt";
import jwks from "jwks-rsa";
import morgan from "morgan";
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

const authenticate = expressjwt({
  secret: jwks.expressJwtSecret({ cache: true, rateLimit: true, jwksUri: `${AUTH_ISSUER}.well-known/jwks.json` }),
  algorithms: ["RS256"],
  audience: AUTH_AUDIENCE,
  issuer: AUTH_ISSUER,
});

const requires = (scope) => (request, response, next) =>
  request.auth.scope?.split(" ").includes(scope) ? next() : response.status(403).json({ title: "Missing scope" });

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const isText = (value, length) => typeof value === "string" && value.length <= length;

function isEntry(body) {
  return (
    DAY.test(body?.date) &&
    isText(body.project, 32) &&
    Number.isInteger(body.minutes) && body.minutes >= 1 && body.minutes <= 1440 &&
    (body.task == null || isText(body.task, 200)) &&
    (body.note == null || isText(body.note, 2000))
  );
}

const app = express();
app.use(morgan("combined"));
app.use(express.json());
app.use(authenticate);

app.get("/v1/entries", requires("read:timesheets"), async (request, response) => {
  const { from, to, limit = "50" } = request.query;
  if (!DAY.test(from) || !DAY.test(to)) return response.status(422).json({ title: "Wrong days" });
  const found = await pool.query({ name: "list", text: LIST, values: [request.auth.sub, from, to, limit] });
  response.json({ items: found.rows });
});

app.post("/v1/entries", requires("create:timesheets"), async (request, response) => {
  const person = request.auth.sub, entry = request.body;
  if (!isEntry(entry)) return response.status(422).json({ title: "Wrong fields" });
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const project = (await client.query({ name: "project", text: PROJECT, values: [entry.project] })).rows[0];
    const week = (await client.query({ name: "week", text: WEEK, values: [person, entry.date] })).rows[0];
    const refusal =
      (!project?.active && [422, "No such project"]) ||
      (week && week.state !== "open" && [409, `The week is ${week.state}`]) ||
      (week && week.minutes + entry.minutes > 1440 && [422, "More than 24 hours a day"]);
    if (refusal) {
      await client.query("ROLLBACK");
      return response.status(refusal[0]).json({ title: refusal[1] });
    }
    const values = [person, randomUUID(), entry.date, entry.project, entry.task, entry.minutes];
    values.push(entry.note ?? "", entry.billable ?? project.billable);
    const made = await client.query({ name: "insert", text: INSERT, values });
    await client.query("COMMIT");
    response.status(201).json(made.rows[0]);
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
});

app.use((error, _request, response, _next) => {
  if (!error.status) console.error(error);
  response.status(error.status ?? 500).json({ title: error.message });
});

app.listen(Number(PORT), "127.0.0.1");
