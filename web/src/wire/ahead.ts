/** Questions that are asked when a hand moves towards what needs the answers, and not when it has arrived. */

import type { Ask } from "./http";

/** An answer that nobody came for is of before by then. */
const KEPT_MS = 5_000;

type Asked = { readonly answer: Promise<unknown>; readonly atMs: number; readonly request: AbortController };

const asked = new Map<string, Asked>();

/** Ask now, for who comes soon. What was asked ahead under other names is forgotten: a hand goes to one place. */
export function askAhead(questions: Readonly<Record<string, (ask: Ask) => Promise<unknown>>>): void {
  if (Object.keys(questions).every((name) => isFresh(asked.get(name)))) return;
  for (const { request } of asked.values()) request.abort();
  asked.clear();
  for (const [name, question] of Object.entries(questions)) {
    const request = new AbortController();
    const answer = question({ signal: request.signal });
    const one: Asked = { answer, atMs: performance.now(), request };
    asked.set(name, one);
    // Who comes asks again, and tells what is wrong.
    answer.catch(() => void (asked.get(name) === one && asked.delete(name)));
  }
}

/** The answer of what was asked ahead, once; else of the question. */
export async function answerOf<T>(name: string, question: () => Promise<T>): Promise<T> {
  const found = asked.get(name);
  asked.delete(name);
  return isFresh(found) ? (found.answer as Promise<T>).catch(question) : question();
}

function isFresh(one: Asked | undefined): one is Asked {
  return one !== undefined && performance.now() - one.atMs < KEPT_MS;
}
