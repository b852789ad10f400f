/** Sign in with a key of this server. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { checkSession, hasEnded, session, signIn } from "../../state/session";

/** Asks whose session ended while they looked; what they were at is hidden behind it, and goes on when they are back. */
export function SignInAgain(): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const look = (): void => void checkSession(); // one may have signed in in another tab
    dialog.current?.showModal();
    addEventListener("focus", look);
    return () => removeEventListener("focus", look);
  }, []);
  return (
    <dialog ref={dialog} class="dialog" aria-label="Your session has ended" onClose={() => dialog.current?.showModal()}>
      <SignIn />
    </dialog>
  );
}

export function SignIn(): JSX.Element {
  const key = useSignal("");
  const problem = useSignal<string | null>(null);
  const isAsking = useSignal(false);
  if (session.value?.has_people === false) {
    return (
      <section class="sign-in">
        <h1>Open the page with its whole address</h1>
        {hasEnded.value && <p>Your session has ended. What you looked at, chose and wrote is kept in this tab, for when you are back.</p>}
        <p>
          <code>runlake ui</code> prints an address that ends with a token; it is the only way in. The token of an earlier start is
          no longer good.
        </p>
      </section>
    );
  }
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    isAsking.value = true;
    problem.value = null;
    try {
      await signIn(key.value);
    } catch (error) {
      problem.value = (error as Error).message;
    }
    isAsking.value = false;
  };
  return (
    <section class="sign-in">
      <h1>{hasEnded.value ? "Sign in again" : "Sign in"}</h1>
      {hasEnded.value && (
        <p>
          Your session has ended: its key was revoked, or its time is over. What you looked at, chose and wrote is kept in this
          tab, and what you changed since is saved when <strong>{session.value?.user}</strong> signs in again.
        </p>
      )}
      <form onSubmit={(event) => void submit(event)}>
        <label for="key">Your key of this server</label>
        <input
          id="key"
          class="field"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          value={key.value}
          aria-invalid={problem.value !== null}
          aria-describedby="key-help"
          onInput={(event) => (key.value = event.currentTarget.value)}
        />
        {problem.value !== null && (
          <p class="sign-in-problem" role="alert">
            {problem.value}
          </p>
        )}
        <button type="submit" class="button button-main" disabled={key.value.trim() === "" || isAsking.value}>
          {isAsking.value ? "Signing in…" : "Sign in"}
        </button>
      </form>
      <p id="key-help" class="soft">
        It is the key that <code>runlake login</code> or <code>WANDB_API_KEY</code> has where you train. Who has none asks an
        admin of this server. The browser keeps a cookie and not the key.
      </p>
    </section>
  );
}
