/** The server's tools, typed from its own OpenAPI document. */

import { keepPreviousData, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { open, shut } from "./door";
import type { components } from "./gen";
import { reader, type Said } from "./sse";

export type Schemas = components["schemas"];
type Answers = { [K in keyof Schemas as K extends `${infer N}.Answer` ? N : never]: Schemas[K] };

export type ToolName = keyof Answers & string;
export type Answer<N extends ToolName> = Answers[N];
export type Data<N extends ToolName> = Answer<N> extends { data: infer D } ? D : never;
export type Row<N extends ToolName> = Data<N> extends (infer R)[] ? R : never;
export type Catalog = Schemas["CatalogShown"];
export type Capability = Schemas["CapabilityShown"];
export type Tool = Schemas["ToolShown"];
export type ColumnShown = Schemas["ColumnShown"];
export type Arguments = Record<string, string | number | boolean | null | undefined>;

export interface Evidence {
  dataset: string;
  version: number | null;
  newest: string | null;
  windows: string[];
}

/** What every answer of a tool says of itself. */
export interface Document<D = unknown> {
  capability: string;
  tool: string;
  arguments: Record<string, unknown>;
  as_of: string;
  data: D;
  evidence: Evidence[];
}

/** The window an answer is of: as asked, or the newest that was read. */
export function windowOf(answer: Document | undefined): string {
  if (!answer) return "";
  return String(answer.arguments.window ?? answer.evidence.flatMap((one) => one.windows).sort().at(-1) ?? "");
}

/** An error as the server told it (RFC 9457), or that it could not be reached (status 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly hint: string,
    readonly request: string,
  ) {
    super(detail);
  }

  get worthRetrying(): boolean {
    return [0, 429, 503].includes(this.status);
  }
}

const CSRF = "X-CSRF-Token";
export const csrfNow = (): string | null => csrf;
const SIGN_IN = "auth/token";
let csrf: string | null = null;

/** Asks the server. Raises `Problem`. */
export async function request<T>(path: string, options: RequestInit = {}): Promise<T> {
  let answer: Response;
  try {
    const own: Record<string, string> = { Accept: "application/json" };
    if (csrf && options.method && options.method !== "GET") own[CSRF] = csrf;
    if (options.body) own["Content-Type"] = "application/json";
    answer = await fetch(new URL(path, document.baseURI), { ...options, headers: own });
  } catch {
    throw new Problem(0, "no answer", "The server cannot be reached.", "Check the connection, then try again.", "");
  }
  if (answer.ok) return (await answer.json()) as T;
  throw await problemOf(answer);
}

async function problemOf(answer: Response): Promise<Problem> {
  const request = answer.headers.get("X-Request-Id") ?? "";
  try {
    const said = (await answer.json()) as Record<string, string>;
    // To sign in with a token that does not hold is no stranger's first knock.
    if (answer.status === 401 && !answer.url.endsWith(SIGN_IN)) shut(said.login);
    return new Problem(answer.status, said.title ?? "", said.detail ?? "", said.hint ?? "", request);
  } catch {
    return new Problem(answer.status, answer.statusText, `The server answered ${answer.status}.`, "", request);
  }
}

function queryOf(given: Arguments): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && value !== null && value !== "") found.set(name, String(value));
  }
  const text = found.toString();
  return text ? `?${text}` : "";
}

/** Longer addresses are refused by proxies. Only tools that take documents come near, and those take POST. */
const LONG = 2_000;

/** An answer of a tool that reads, whichever it is. */
export function ask(capability: string, tool: string, given: Arguments, signal?: AbortSignal): Promise<Document> {
  const path = `api/v1/${capability}/${tool}`;
  const query = queryOf(given);
  if (query.length <= LONG) return request(`${path}${query}`, { signal });
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== ""));
  return request(path, { method: "POST", body: JSON.stringify(said), signal });
}

function retry(failures: number, problem: Error): boolean {
  return problem instanceof Problem && problem.worthRetrying && failures < 2;
}

export type Query<T> = UseQueryResult<T, Problem>;

/** An answer of a known tool; what was shown before stays until the next one is there. */
export function useTool<N extends ToolName>(
  name: N,
  given: Arguments = {},
  options: { enabled?: boolean } = {},
): Query<Document<Data<N>>> {
  const [capability, tool] = name.split(".") as [string, string];
  return useAsked(capability, tool, given, options) as Query<Document<Data<N>>>;
}

export function useAsked(
  capability: string,
  tool: string,
  given: Arguments,
  options: { enabled?: boolean } = {},
): Query<Document> {
  return useQuery<Document, Problem>({
    queryKey: ["tool", capability, tool, given],
    queryFn: ({ signal }) => ask(capability, tool, given, signal),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    retry,
    ...options,
  });
}

/** Any other document of the server. */
export function useDocument<T>(
  path: string,
  options: { enabled?: boolean; stale?: number } = {},
): Query<T> {
  return useQuery<T, Problem>({
    queryKey: ["document", path],
    queryFn: ({ signal }) => request<T>(path, { signal }),
    placeholderData: keepPreviousData,
    staleTime: options.stale ?? 60_000,
    enabled: options.enabled,
    retry,
  });
}

export function useCatalog(): Query<Catalog> {
  return useDocument<Catalog>("api/v1/catalog", { stale: Infinity });
}

export type Session = Schemas["Asking"];

export function useSession(): Query<Session> {
  return useQuery<Session, Problem>({
    queryKey: ["session"],
    queryFn: session,
    staleTime: 300_000,
    retry,
  });
}

async function session(): Promise<Session> {
  const found = await request<Session>("auth/session");
  csrf = found.csrf ?? null;
  open();
  return found;
}

/** From now on the server knows this browser by a cookie. Raises `Problem`, also where the browser does not keep it. */
export async function signIn(token: string): Promise<Session> {
  await send(SIGN_IN, { token });
  return session().catch((problem: Problem) => {
    if (problem.status !== 401) throw problem;
    throw new Problem(401, "unauthorized", "This browser did not keep the session.", "Sessions are kept over HTTPS alone, and with cookies allowed.", "");
  });
}

/** Nobody is known by this browser's cookie any more; goes to the provider's page to log out there, if it has one. */
export async function signOut(): Promise<void> {
  const { provider } = await send<{ provider: string | null }>("auth/logout");
  csrf = null;
  if (provider) location.assign(provider);
  else shut(undefined, "out");
}

const AGAIN = 3;
const PAUSE = 500;

/** Asks for a stream of events, with a body or without, telling of each. Cut off after an event that has an id, it goes
 * on after that one. Raises `Problem`, and what the browser says of a connection that does not come back.
 */
export async function stream(path: string, body: unknown, tell: (said: Said) => void, signal: AbortSignal): Promise<void> {
  const asked = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  let last = "";
  const told = (said: Said) => {
    last = said.id ?? last;
    tell(said);
  };
  for (let left = AGAIN; ; left -= 1) {
    try {
      return await streamed(path, asked, last, told, signal);
    } catch (problem) {
      if (!last || left === 0 || signal.aborted || problem instanceof Problem) throw problem;
      await new Promise((go) => setTimeout(go, PAUSE));
    }
  }
}

async function streamed(path: string, asked: RequestInit, last: string, tell: (said: Said) => void, signal: AbortSignal): Promise<void> {
  const headers: Record<string, string> = { Accept: "text/event-stream", "Content-Type": "application/json" };
  if (csrf) headers[CSRF] = csrf;
  if (last) headers["Last-Event-ID"] = last;
  const answer = await fetch(new URL(path, document.baseURI), { ...asked, headers, signal });
  if (!answer.ok || !answer.body) throw await problemOf(answer);
  const pieces = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  const read = reader();
  for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) read(piece.value).forEach(tell);
}

/** Sends something that changes something. */
export function send<T>(path: string, body: unknown = {}, method = "POST"): Promise<T> {
  return request<T>(path, { method, body: JSON.stringify(body) });
}
