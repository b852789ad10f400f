/** All users, for admins of the server. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { done, failed } from "../../state/undo";
import { addUser, fetchUsers, removeUser, type NewKey, type PersonInfo } from "../../wire/people";
import { formatAge, formatTime } from "../parts/format";
import { Problem } from "../parts/Problem";
import { useLoaded } from "../parts/use_loaded";
import { Certain } from "./Certain";
import { Keys } from "./Keys";
import { NewKeyShown } from "./NewKeyShown";

export function Users({ me }: { readonly me: PersonInfo }): JSX.Element {
  const [loaded, again] = useLoaded(fetchUsers, []);
  const made = useSignal<NewKey | null>(null);
  const chosen = useSignal<string | null>(null);
  const { value: users, error } = loaded.value;
  const remove = async (user: string): Promise<void> => {
    try {
      await removeUser(user);
      done(`Removed ${user}`);
      again();
    } catch (problem) {
      failed(problem);
    }
  };
  return (
    <section>
      <h2>Users</h2>
      {made.value !== null && <NewKeyShown made={made.value} isOwn={false} close={() => (made.value = null)} />}
      {error !== null && <Problem error={error} again={again} />}
      <table class="documents-table">
        <thead>
          <tr>
            {["User", "Email", "Teams", "Since"].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            <th scope="col">
              <span class="unseen">What can be done</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {(users ?? []).map((user) => (
            <tr key={user.user}>
              <th scope="row">
                {user.user} {user.is_admin && <span class="badge">admin</span>}
              </th>
              <td>{user.email}</td>
              <td class="people-teams">{Object.keys(user.teams).join(", ")}</td>
              <td title={formatTime(user.created_at)}>{formatAge(user.created_at, Date.now() / 1000)}</td>
              <td>
                {user.user !== me.user && (
                  <>
                    <button type="button" class="button-link" aria-label={`Keys of ${user.user}`} aria-pressed={chosen.value === user.user} onClick={() => (chosen.value = chosen.value === user.user ? null : user.user)}>
                      Keys
                    </button>
                    <Certain label="Remove" name={user.user} warning="Their keys end, their runs stay." act={() => remove(user.user)} />
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {chosen.value !== null && <Keys key={chosen.value} user={chosen.value} />}
      <AddUser
        added={(key) => {
          made.value = key;
          again();
        }}
      />
    </section>
  );
}

function AddUser({ added }: { readonly added: (key: NewKey) => void }): JSX.Element {
  const name = useSignal("");
  const email = useSignal("");
  const isAdmin = useSignal(false);
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      added(await addUser(name.value.trim(), email.value.trim() || null, isAdmin.value));
      name.value = email.value = "";
      isAdmin.value = false;
    } catch (problem) {
      failed(problem);
    }
  };
  return (
    <form class="people-form" onSubmit={(event) => void add(event)}>
      <label>
        Name
        <input class="field" required maxLength={128} value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
      </label>
      <label>
        Email
        <input class="field" type="email" maxLength={320} value={email.value} onInput={(event) => (email.value = event.currentTarget.value)} />
      </label>
      <label class="people-check">
        <input type="checkbox" checked={isAdmin.value} onChange={(event) => (isAdmin.value = event.currentTarget.checked)} /> admin
      </label>
      <button type="submit" class="button">
        Add a user
      </button>
    </form>
  );
}
