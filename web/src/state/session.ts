/** Who looks at the page, and whether the server can be reached. */

import { batch, computed, signal } from "@preact/signals";
import { beginSession, endSession, fetchSession } from "../wire/asks";
import type { Session } from "../wire/documents";
import { ApiError, onConnection } from "../wire/http";

/** null until the server has answered. */
export const session = signal<Session | null>(null);
/** Whether the session ended while somebody looked: what they see and do waits for them to sign in again. */
export const hasEnded = signal(false);
export const isConnected = signal(true);
/** Grows each time a lost server is there again: who shows what it sent asks again. */
export const reconnectCount = signal(0);
/** Why there is no session, when the server's answer was another than who one is. */
export const sessionProblem = signal<string | null>(null);

export const mayEdit = computed(() => session.value !== null && !session.value.is_read_only);

const RETRY_MS = 2_000;

/** A server without sessions: whoever reaches it may look. */
const NO_SESSIONS: Session = {
  user: null,
  is_signed_in: true,
  is_admin: false,
  default_entity: null,
  has_people: false,
  is_read_only: false,
  version: "",
  store: "",
};

/** Ask who one is, with the token of the address when that is needed, and watch the connection from now on. */
export async function beginLooking(token: string | null): Promise<void> {
  onConnection(({ isReachable, needsSignIn }) => {
    if (!isReachable && isConnected.peek()) {
      isConnected.value = false;
      setTimeout(() => void mend(), RETRY_MS);
    }
    if (!needsSignIn || session.peek()?.is_signed_in !== true) {
      return null;
    }
    hasEnded.value = true;
    return signedInAgain();
  });
  await ask(token);
}

function signedInAgain(): Promise<void> {
  return new Promise((resolve) => {
    const stop = hasEnded.subscribe((isEnded) => {
      if (!isEnded) {
        resolve();
        queueMicrotask(() => stop());
      }
    });
  });
}

/** Take up who one is. What was looked at and written is for whom it was, at the store it was of: others begin anew. */
function take(found: Session): void {
  const before = session.peek();
  if (before?.is_signed_in !== true) {
    session.value = found;
  } else if (!found.is_signed_in) {
    hasEnded.value = true;
  } else if (found.user !== before.user || found.store !== before.store) {
    location.reload();
  } else {
    session.value = found;
    hasEnded.value = false;
  }
}

/** Look whether the session still is one, and wait until it is. */
export async function checkSession(): Promise<void> {
  try {
    take(await fetchSession());
  } catch {
    // a server that does not answer is told elsewhere
  }
  await signedInAgain();
}

async function ask(token: string | null): Promise<void> {
  try {
    const found = await fetchSession();
    // A token is good once: a page that is loaded again has the cookie.
    session.value = found.is_signed_in || token === null ? found : await beginSession({ token });
    sessionProblem.value = null;
  } catch (error) {
    if (!(error instanceof ApiError) || error.isConnection) {
      return; // asked again as soon as the server answers
    }
    if (error.status === 404) {
      session.value = NO_SESSIONS;
    } else if (token !== null) {
      await ask(null); // a token that is no longer good: the page says what to do
    } else {
      sessionProblem.value = error.message;
      session.value = error.isSignIn ? { ...NO_SESSIONS, is_signed_in: false } : session.peek();
    }
  }
}

async function mend(): Promise<void> {
  try {
    take(await fetchSession());
  } catch (error) {
    if (!(error instanceof ApiError) || error.isConnection || error.status >= 500) {
      setTimeout(() => void mend(), RETRY_MS);
      return;
    }
  }
  isConnected.value = true;
  reconnectCount.value += 1;
}

/** Sign in with a key; an `ApiError` says why not. */
export async function signIn(key: string): Promise<void> {
  take(await beginSession({ key: key.trim() }));
}

export async function signOut(): Promise<void> {
  await endSession();
  const found = await fetchSession();
  batch(() => {
    session.value = found;
    hasEnded.value = false;
  });
}
