/** What went wrong, what to do, and a way to try again. */

import type { JSX } from "preact";

export function Problem({ error, again }: { readonly error: Error; readonly again?: () => void }): JSX.Element {
  return (
    <div class="problem" role="alert">
      <p>{error.message}</p>
      {again !== undefined && (
        <button type="button" class="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}
