/** A key that was made a moment ago: it is shown once, with the lines that use it. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { session } from "../../state/session";
import type { NewKey } from "../../wire/people";

type NewKeyShownProps = { readonly made: NewKey; readonly isOwn: boolean; readonly close: () => void };

export function NewKeyShown({ made, isOwn, close }: NewKeyShownProps): JSX.Element {
  const url = session.value?.store ?? location.href.replace(/#.*$/s, "").replace(/\/$/, "");
  return (
    <div class="new-key" role="status">
      <h3>{isOwn ? "Your new key" : `The new key of ${made.user}`}</h3>
      <p>It is shown here once, and nowhere again: the server keeps only what recognises it.</p>
      <Copied name="key" text={made.key} />
      <p class="soft">Where you train, either for programs that know W&amp;B's variables:</p>
      <Copied name="variables" text={`export WANDB_BASE_URL=${url}\nexport WANDB_API_KEY=${made.key}`} />
      <p class="soft">or for all of them, once; it asks for the key:</p>
      <Copied name="command" text={`runlake login ${url}`} />
      <button type="button" class="button" onClick={close}>
        I have it
      </button>
    </div>
  );
}

function Copied({ name, text }: { readonly name: string; readonly text: string }): JSX.Element {
  const isCopied = useSignal(false);
  const copy = (): void => {
    // Browsers give no clipboard to pages over plain http from elsewhere: the text can be marked there.
    void navigator.clipboard?.writeText(text).then(() => (isCopied.value = true));
  };
  return (
    <div class="empty-code">
      <pre>{text}</pre>
      <button type="button" class="button" aria-label={`Copy the ${name}`} onClick={copy}>
        {isCopied.value ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
