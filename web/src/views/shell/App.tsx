/** The whole page: what the address names, below the bar that is always there. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { address } from "../../state/address";
import { hasEnded, isConnected, session, sessionProblem } from "../../state/session";
import { Toast } from "../parts/Toast";
import { Help, isHelpOpen } from "./Help";
import { viewOf } from "./routes";
import { SignIn, SignInAgain } from "./SignIn";
import { TopBar } from "./TopBar";

export function App(): JSX.Element {
  const { parts } = address.value;
  const isSignedIn = session.value?.is_signed_in === true;
  useEffect(() => {
    document.title = [...parts.slice(0, 4).reverse(), "runlake"].join(" · ");
  }, [parts.join("/")]);
  return (
    <div class="page">
      <a class="skip" href="#main" onClick={skipToMain}>
        Skip to the content
      </a>
      <TopBar />
      {!isConnected.value && (
        <p class="strip strip-warn" role="status">
          The server does not answer. What you see is what it sent last; it is asked again every two seconds.
        </p>
      )}
      <main id="main" class={hasEnded.value ? "main main-kept" : "main"} tabIndex={-1}>
        {isSignedIn ? viewOf(parts) : <Waiting />}
      </main>
      {isHelpOpen.value && <Help />}
      {hasEnded.value && <SignInAgain />}
      <Toast />
    </div>
  );
}

function Waiting(): JSX.Element {
  if (session.value !== null) {
    return <SignIn />;
  }
  return <p class="waiting">{sessionProblem.value ?? (isConnected.value ? "Loading…" : "Waiting for the server…")}</p>;
}

/** The address is a route here, so that it cannot name a place within the page. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
