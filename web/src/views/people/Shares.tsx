/** The projects that all people of the server may see. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { formatHash } from "../../state/address";
import { done, failed } from "../../state/undo";
import { ACCESSES, fetchShares, shareProject, type Access, type PersonInfo } from "../../wire/people";
import { Problem } from "../parts/Problem";
import { useLoaded } from "../parts/use_loaded";

const SAID: Readonly<Record<Access, string>> = { private: "not shared", read: "all may read", write: "all may write" };

export function Shares({ me }: { readonly me: PersonInfo }): JSX.Element {
  const [loaded, again] = useLoaded(fetchShares, []);
  const path = useSignal("");
  const access = useSignal<Access>("read");
  const { value: shares, error } = loaded.value;
  const share = async (entity: string, project: string, next: Access): Promise<void> => {
    try {
      await shareProject(entity, project, next);
      done(`${entity}/${project}: ${SAID[next]}`);
    } catch (problem) {
      failed(problem);
    }
    again();
  };
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    const [entity = "", ...rest] = path.value.trim().split("/");
    const project = rest.join("/");
    if (entity === "" || project === "") {
      failed(new Error("Name the project as ENTITY/PROJECT."));
      return;
    }
    await share(entity, project, access.value);
    path.value = "";
  };
  const isMine = (entity: string): boolean => me.is_admin || entity === me.user || me.teams[entity] === "admin";
  return (
    <section>
      <h2>Shared projects</h2>
      <p class="soft">Everybody who is signed in may see these. A project is shared by whose it is, or by an admin.</p>
      {error !== null && <Problem error={error} again={again} />}
      {shares?.length === 0 && <p>No project is shared with all.</p>}
      <table class="documents-table">
        <tbody>
          {(shares ?? []).map(({ entity, project, access: is }) => (
            <tr key={`${entity}/${project}`}>
              <th scope="row">
                <a href={formatHash([entity, project])}>
                  {entity}/{project}
                </a>
              </th>
              <td>{isMine(entity) ? <AccessChoice name={`${entity}/${project}`} access={is} choose={(next) => void share(entity, project, next)} /> : SAID[is]}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <form class="people-form" onSubmit={(event) => void add(event)}>
        <label>
          Project
          <input class="field" required placeholder={`${me.user}/mnist`} value={path.value} onInput={(event) => (path.value = event.currentTarget.value)} />
        </label>
        <AccessChoice name="the project" access={access.value} choose={(next) => (access.value = next)} />
        <button type="submit" class="button">
          Share
        </button>
      </form>
    </section>
  );
}

function AccessChoice({ name, access, choose }: { readonly name: string; readonly access: Access; readonly choose: (access: Access) => void }): JSX.Element {
  return (
    <select class="field" aria-label={`What all may do with ${name}`} value={access} onChange={(event) => choose(event.currentTarget.value as Access)}>
      {ACCESSES.map((each) => (
        <option key={each} value={each}>
          {SAID[each]}
        </option>
      ))}
    </select>
  );
}
