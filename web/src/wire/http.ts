/** Requests to the API of the server that gave this page, and what goes wrong with them. */

import { readJson, writeJson, type Json } from "./json";

/** An answer that says no, or none at all (`status` 0). `message` is for people, and says what to do. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string,
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
    this.name = kind;
  }

  get isSignIn(): boolean {
    return this.status === 401;
  }

  get isConnection(): boolean {
    return this.status === 0;
  }
}

export type Ask = { readonly signal?: AbortSignal };

/**
 * Told after each answer or failure: whether the server can be reached, and whether it wants to know who asks. What it
 * gives back is waited for before the same is asked once more.
 */
export type ConnectionListener = (heard: { isReachable: boolean; needsSignIn: boolean }) => Promise<void> | null;

let listener: ConnectionListener = () => null;

/** Who is told how the connection does; one listener for the page. */
export function onConnection(told: ConnectionListener): void {
  listener = told;
}

/** Sends a request and gets its answer; `fetch`, as long as nothing else was chosen. */
export type Transport = (address: string, request: RequestInit) => Promise<Response>;

let transport: Transport | null = null;

/** Have every question answered by something that is no server; nothing moves there. */
export function answerFrom(source: Transport): void {
  transport = source;
}

/** Whether there is a server, which may have news. */
export function hasServer(): boolean {
  return transport === null;
}

/** Where one signs in: what is wrong with a key is said there, and nobody is waited for. */
export const SESSION = apiAddress("session");

/** The address of a part of the API: `apiAddress("projects", entity, project, "tiles")`; parts are quoted. */
export function apiAddress(...parts: readonly string[]): string {
  return ["./api/v1", ...parts.map(encodeURIComponent)].join("/");
}

/** `address` with `query` behind it; what is null or undefined is left out, lists are repeated. */
export function withQuery(
  address: string,
  query: Readonly<Record<string, string | number | boolean | null | undefined | readonly string[]>>,
): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [value]) {
      if (one !== null && one !== undefined) {
        parameters.append(name, String(one));
      }
    }
  }
  const text = parameters.toString();
  return text === "" ? address : `${address}?${text}`;
}

export async function getJson<T = Json>(address: string, ask: Ask = {}): Promise<T> {
  return readAnswer<T>(await send("GET", address, undefined, ask));
}

export async function postJson<T = Json>(address: string, body: unknown, ask: Ask = {}): Promise<T> {
  return readAnswer<T>(await send("POST", address, body, ask));
}

export async function putJson<T = Json>(address: string, body: unknown, ask: Ask = {}): Promise<T> {
  return readAnswer<T>(await send("PUT", address, body, ask));
}

export async function patchJson<T = Json>(address: string, body: unknown, ask: Ask = {}): Promise<T> {
  return readAnswer<T>(await send("PATCH", address, body, ask));
}

export async function deleteJson(address: string, ask: Ask = {}): Promise<void> {
  await send("DELETE", address, undefined, ask);
}

/** The bytes of an answer to a POST, as those of `tiles`. */
export async function postForBytes(address: string, body: unknown, ask: Ask = {}): Promise<ArrayBuffer> {
  return (await send("POST", address, body, ask)).arrayBuffer();
}

/** The bytes of a file. */
export async function getBytes(address: string, ask: Ask = {}): Promise<ArrayBuffer> {
  return (await send("GET", address, undefined, ask)).arrayBuffer();
}

async function readAnswer<T>(answer: Response): Promise<T> {
  const text = await answer.text();
  return (text === "" ? null : readJson(text)) as T;
}

async function send(method: string, address: string, body: unknown, ask: Ask): Promise<Response> {
  const request: RequestInit = { method, credentials: "same-origin", headers: { Accept: "*/*" } };
  if (body !== undefined) {
    request.body = writeJson(body);
    request.headers = { ...request.headers, "Content-Type": "application/json" };
  }
  if (ask.signal !== undefined) {
    request.signal = ask.signal;
  }
  let answer: Response;
  try {
    answer = await (transport ?? fetch)(address, request);
  } catch (error) {
    if (ask.signal?.aborted === true) {
      throw error;
    }
    listener({ isReachable: false, needsSignIn: false });
    throw new ApiError(0, "UnreachableError", "The server does not answer. It is asked again until it does.");
  }
  const isProxyFault = answer.status === 502 || answer.status === 504;
  const needsSignIn = answer.status === 401 && address !== SESSION;
  const isSignedInAgain = listener({ isReachable: !isProxyFault, needsSignIn });
  if (isSignedInAgain !== null) {
    await unlessAborted(isSignedInAgain, ask.signal);
    return send(method, address, body, ask);
  }
  if (!answer.ok) {
    throw await errorOf(answer);
  }
  return answer;
}

function unlessAborted(done: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    void done.then(resolve);
  });
}

async function errorOf(answer: Response): Promise<ApiError> {
  const retryAfter = answer.headers.get("Retry-After");
  const retryAfterS = retryAfter === null ? null : Number(retryAfter);
  try {
    const told = JSON.parse(await answer.text()) as { error: { type: string; message: string } };
    return new ApiError(answer.status, told.error.type, told.error.message, retryAfterS);
  } catch {
    const message = `The server answered ${answer.status} ${answer.statusText}`.trim();
    return new ApiError(answer.status, "HttpError", `${message}; its log says more.`, retryAfterS);
  }
}

/** Whether what was asked for is not there, or not for whoever asks. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** Whether `error` only says that nobody waits for the answer any more. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
