// The same two endpoints with net/http and pgx, as people write them who care for speed: pgx
// prepares its statements, verified tokens are remembered until they expire, and slog writes a line
// for each request. It checks what the services check in these two requests; it has no metrics and
// no rate limit.
package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	columns = `id, person, date, project, task, minutes, note, billable, source, external_id,
  version, created_at, updated_at`
	list = `SELECT ` + columns + ` FROM entries WHERE person = $1 AND date BETWEEN $2 AND $3
  ORDER BY date DESC, id DESC LIMIT $4`
	insert = `INSERT INTO entries
  (person, id, date, project, task, minutes, note, billable, source)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'app') RETURNING ` + columns
	project = "SELECT active, billable FROM projects WHERE code = $1"
	week    = `SELECT state, minutes[extract(isodow FROM $2::date)::integer] FROM weeks
  WHERE person = $1 AND monday = $2::date - (extract(isodow FROM $2::date)::integer - 1)`
	rememberedTokens = 10_000
	minutesOfADay    = 1440
)

// A failure that the client is told of.
type failure struct {
	status  int
	message string
}

func (f failure) Error() string { return f.message }

// A day has no time of day.
type day time.Time

func (d day) MarshalJSON() ([]byte, error) {
	return time.Time(d).AppendFormat(make([]byte, 0, 12), `"2006-01-02"`), nil
}

func (d *day) UnmarshalJSON(text []byte) error {
	read, err := time.Parse(`"2006-01-02"`, string(text))
	*d = day(read)
	return err
}

// ScanDate reads a date of PostgreSQL.
func (d *day) ScanDate(read pgtype.Date) error {
	*d = day(read.Time)
	return nil
}

type entry struct {
	ID         string    `json:"id"`
	Person     string    `json:"person"`
	Date       day       `json:"date"`
	Project    string    `json:"project"`
	Task       *string   `json:"task"`
	Minutes    int       `json:"minutes"`
	Note       string    `json:"note"`
	Billable   bool      `json:"billable"`
	Source     string    `json:"source"`
	ExternalID *string   `json:"external_id"`
	Version    int       `json:"version"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

type newEntry struct {
	Date     *day    `json:"date"`
	Project  string  `json:"project"`
	Minutes  int     `json:"minutes"`
	Task     *string `json:"task"`
	Note     string  `json:"note"`
	Billable *bool   `json:"billable"`
}

func (e newEntry) check() error {
	switch {
	case e.Date == nil:
		return failure{422, "A date is needed"}
	case e.Project == "" || utf8.RuneCountInString(e.Project) > 32:
		return failure{422, "A project has 1 to 32 characters"}
	case e.Minutes < 1 || e.Minutes > minutesOfADay:
		return failure{422, "Minutes are 1 to 1440"}
	case e.Task != nil && utf8.RuneCountInString(*e.Task) > 200:
		return failure{422, "A task has at most 200 characters"}
	case utf8.RuneCountInString(e.Note) > 2000:
		return failure{422, "A note has at most 2000 characters"}
	}
	return nil
}

type claims struct {
	Scope string `json:"scope"`
	jwt.RegisteredClaims
}

type verifier struct {
	issuer string
	parser *jwt.Parser

	lock     sync.Mutex
	keys     map[string]*rsa.PublicKey
	verified map[string]*claims
}

func newVerifier(issuer, audience string) *verifier {
	return &verifier{
		issuer: issuer,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(issuer),
			jwt.WithAudience(audience), jwt.WithExpirationRequired(),
		),
		keys:     map[string]*rsa.PublicKey{},
		verified: map[string]*claims{},
	}
}

func (v *verifier) verify(token string) (*claims, error) {
	v.lock.Lock()
	defer v.lock.Unlock()
	if known := v.verified[token]; known != nil && time.Now().Before(known.ExpiresAt.Time) {
		return known, nil
	}
	found := &claims{}
	if _, err := v.parser.ParseWithClaims(token, found, v.key); err != nil {
		return nil, failure{401, "Invalid token"}
	}
	if len(v.verified) >= rememberedTokens {
		clear(v.verified)
	}
	v.verified[token] = found
	return found, nil
}

func (v *verifier) key(token *jwt.Token) (any, error) {
	id, _ := token.Header["kid"].(string)
	if len(v.keys) == 0 {
		if err := v.fetchKeys(); err != nil {
			return nil, err
		}
	}
	if key, known := v.keys[id]; known {
		return key, nil
	}
	return nil, errors.New("no such key")
}

func (v *verifier) fetchKeys() error {
	response, err := http.Get(v.issuer + ".well-known/jwks.json")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var set struct {
		Keys []struct{ Kid, N, E string }
	}
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		return err
	}
	for _, key := range set.Keys {
		modulus, badModulus := base64.RawURLEncoding.DecodeString(key.N)
		exponent, badExponent := base64.RawURLEncoding.DecodeString(key.E)
		if err := errors.Join(badModulus, badExponent); err != nil {
			return err
		}
		v.keys[key.Kid] = &rsa.PublicKey{
			N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(exponent).Int64()),
		}
	}
	return nil
}

type server struct {
	pool     *pgxpool.Pool
	verifier *verifier
	log      *slog.Logger
}

type action func(request *http.Request, person string) (int, any, error)

// Check token and scope, answer in JSON, and write the request's line.
func (s *server) handle(scope string, act action) http.HandlerFunc {
	return func(writer http.ResponseWriter, request *http.Request) {
		began := time.Now()
		caller, status, body, err := "", 0, any(nil), error(nil)
		found, err := s.authorize(request, scope)
		if err == nil {
			caller = found.Subject
			status, body, err = act(request, caller)
		}
		if err != nil {
			status, body = s.explain(err)
		}
		text, err := json.Marshal(body)
		if err != nil {
			status, text = 500, []byte("{}")
		}
		writer.Header().Set("Content-Type", "application/json; charset=utf-8")
		writer.Header().Set("Content-Length", strconv.Itoa(len(text)))
		writer.WriteHeader(status)
		_, _ = writer.Write(text)
		s.log.LogAttrs(request.Context(), slog.LevelInfo, "request",
			slog.String("method", request.Method), slog.String("path", request.URL.Path),
			slog.Int("status", status), slog.Duration("took", time.Since(began)),
			slog.String("caller", caller),
		)
	}
}

func (s *server) authorize(request *http.Request, scope string) (*claims, error) {
	token, isBearer := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
	if !isBearer {
		return nil, failure{401, "No token"}
	}
	found, err := s.verifier.verify(token)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(strings.Fields(found.Scope), scope) {
		return nil, failure{403, "Missing scope"}
	}
	return found, nil
}

func (s *server) explain(err error) (int, any) {
	var told failure
	if !errors.As(err, &told) {
		s.log.Error("unhandled error", slog.Any("error", err))
		told = failure{500, "Internal error"}
	}
	return told.status, map[string]string{"message": told.message}
}

func (s *server) listEntries(request *http.Request, person string) (int, any, error) {
	first, last, limit, err := readRange(request.URL.Query())
	if err != nil {
		return 0, nil, err
	}
	rows, err := s.pool.Query(request.Context(), list, person, first, last, limit)
	if err != nil {
		return 0, nil, err
	}
	items, err := pgx.CollectRows(rows, pgx.RowToStructByPos[entry])
	return 200, map[string][]entry{"items": items}, err
}

func readRange(query url.Values) (first, last time.Time, limit int, err error) {
	first, wrongFirst := time.Parse(time.DateOnly, query.Get("from"))
	last, wrongLast := time.Parse(time.DateOnly, query.Get("to"))
	limit = 50
	var wrongLimit error
	if text := query.Get("limit"); text != "" {
		limit, wrongLimit = strconv.Atoi(text)
	}
	if errors.Join(wrongFirst, wrongLast, wrongLimit) != nil || limit < 1 || limit > 200 {
		err = failure{422, "from and to are days, limit is 1 to 200"}
	}
	return first, last, limit, err
}

func (s *server) createEntry(request *http.Request, person string) (int, any, error) {
	var draft newEntry
	decoder := json.NewDecoder(request.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&draft); err != nil {
		return 0, nil, failure{422, "The body is no entry"}
	}
	if err := draft.check(); err != nil {
		return 0, nil, err
	}
	var made entry
	err := pgx.BeginFunc(request.Context(), s.pool, func(transaction pgx.Tx) (err error) {
		made, err = add(request.Context(), transaction, person, draft)
		return err
	})
	return 201, made, err
}

func add(ctx context.Context, transaction pgx.Tx, person string, draft newEntry) (made entry, err error) {
	date := time.Time(*draft.Date)
	var active, billable bool
	err = transaction.QueryRow(ctx, project, draft.Project).Scan(&active, &billable)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && !active) {
		return made, failure{422, "No such project"}
	}
	if err != nil {
		return made, err
	}
	var state string
	var minutes int
	err = transaction.QueryRow(ctx, week, person, date).Scan(&state, &minutes)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
	case err != nil:
		return made, err
	case state != "open":
		return made, failure{409, "The week is " + state}
	case minutes+draft.Minutes > minutesOfADay:
		return made, failure{422, "More than 24 hours a day"}
	}
	if draft.Billable != nil {
		billable = *draft.Billable
	}
	rows, err := transaction.Query(ctx, insert,
		person, newID(), date, draft.Project, draft.Task, draft.Minutes, draft.Note, billable)
	if err != nil {
		return made, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[entry])
}

// A random UUID (RFC 9562, version 4).
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

func main() {
	// One process of the others has one core as well.
	runtime.GOMAXPROCS(1)
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	config.MaxConns = 10
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	s := &server{
		pool:     pool,
		verifier: newVerifier(os.Getenv("AUTH_ISSUER"), os.Getenv("AUTH_AUDIENCE")),
		log:      slog.New(slog.NewJSONHandler(os.Stdout, nil)),
	}
	http.HandleFunc("GET /v1/entries", s.handle("read:timesheets", s.listEntries))
	http.HandleFunc("POST /v1/entries", s.handle("create:timesheets", s.createEntry))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
