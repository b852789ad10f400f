/** The keys of somebody: what is known of them, new ones, and the end of old ones. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { done, failed } from "../../state/undo";
import { createKey, fetchUserKeys, revokeKey, type KeyInfo, type NewKey } from "../../wire/people";
import { formatAge, formatTime } from "../parts/format";
import { Problem } from "../parts/Problem";
import { useLoaded } from "../parts/use_loaded";
import { Certain } from "./Certain";
import { NewKeyShown } from "./NewKeyShown";

/** `user` is null for oneself. */
export function Keys({ user }: { readonly user: string | null }): JSX.Element {
  const [loaded, again] = useLoaded((ask) => fetchUserKeys(user, ask), [user]);
  const description = useSignal("");
  const made = useSignal<NewKey | null>(null);
  const { value: keys, error } = loaded.value;
  const create = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      made.value = await createKey(description.value.trim(), user);
      description.value = "";
      again();
    } catch (problem) {
      failed(problem);
    }
  };
  const revoke = async (key: KeyInfo): Promise<void> => {
    try {
      await revokeKey(key.key_id);
      done(`Revoked the key ${key.description || key.key_id}`);
      again();
    } catch (problem) {
      failed(problem);
    }
  };
  return (
    <section>
      <h2>{user === null ? "Your keys" : `Keys of ${user}`}</h2>
      <p class="soft">A key says who sends a run. Have one for each machine, so that each can end by itself.</p>
      {made.value !== null && <NewKeyShown made={made.value} isOwn={user === null} close={() => (made.value = null)} />}
      {error !== null && <Problem error={error} again={again} />}
      <table class="documents-table">
        <thead>
          <tr>
            <th scope="col">Description</th>
            <th scope="col">Id</th>
            <th scope="col">Created</th>
            <th scope="col">
              <span class="unseen">What can be done</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {(keys ?? []).map((key) => (
            <tr key={key.key_id}>
              <th scope="row">
                {key.description || <span class="soft">none</span>} {key.is_current && <span class="badge">you are here with it</span>}
              </th>
              <td>
                <code>{key.key_id}</code>
              </td>
              <td title={formatTime(key.created_at)}>{formatAge(key.created_at, Date.now() / 1000)}</td>
              <td>
                <Certain label="Revoke" name={`the key ${key.description || key.key_id}`} warning={key.is_current ? "This signs you out." : null} act={() => revoke(key)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <form class="people-form" onSubmit={(event) => void create(event)}>
        <label>
          Description
          <input class="field" maxLength={1000} placeholder="laptop" value={description.value} onInput={(event) => (description.value = event.currentTarget.value)} />
        </label>
        <button type="submit" class="button button-main">
          Create a key
        </button>
      </form>
    </section>
  );
}
