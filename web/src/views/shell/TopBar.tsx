/** The bar above everything: where one is, the parts of a project, and what concerns the page itself. */

import type { JSX } from "preact";
import { address, formatHash } from "../../state/address";
import { session, signOut } from "../../state/session";
import { isDark, toggleTheme } from "../../state/theme";
import { failed } from "../../state/undo";
import { Icon } from "../parts/Icon";
import { Popover } from "../parts/Popover";
import { isHelpOpen } from "./Help";

const PARTS: readonly (readonly [name: string, title: string])[] = [
  ["", "Runs"],
  ["sweeps", "Sweeps"],
  ["artifacts", "Artifacts"],
  ["sql", "SQL"],
];

export function TopBar(): JSX.Element {
  const [entity, project, part = ""] = address.value.parts;
  return (
    <header class="top-bar">
      <a class="brand" href={formatHash([])} aria-label="runlake: all projects">
        <svg class="brand-mark" viewBox="0 0 24 24" aria-hidden="true">
          <path d="M2 5c5 13 8 12 10.500 9S16 8 22 8" />
        </svg>
        <span class="brand-name">runlake</span>
      </a>
      {entity !== undefined && project !== undefined && (
        <>
          <nav class="crumbs" aria-label="Where you are">
            <span class="crumb-entity" title={entity}>
              {entity}
            </span>
            <span class="crumb-slash">/</span>
            <a class="crumb" href={formatHash([entity, project])} title={`${entity}/${project}`}>
              {project}
            </a>
          </nav>
          <nav class="tabs" aria-label="Parts of the project">
            {PARTS.map(([name, title]) => {
              const isHere = part === name || (name === "" && (part === "runs" || part === "compare"));
              return (
                <a key={name} class="tab" aria-current={isHere ? "page" : undefined} href={formatHash(name === "" ? [entity, project] : [entity, project, name])}>
                  {title}
                </a>
              );
            })}
          </nav>
        </>
      )}
      {(entity === undefined || project === undefined) && session.value?.is_signed_in === true && (
        <nav class="tabs" aria-label="Parts of the store">
          <a class="tab" aria-current={entity === undefined ? "page" : undefined} href={formatHash([])}>
            Projects
          </a>
          <a class="tab" aria-current={entity === "sql" ? "page" : undefined} href={formatHash(["sql"])}>
            SQL
          </a>
        </nav>
      )}
      <span class="spring" />
      {session.value?.is_read_only === true && (
        <span class="badge" title="This page was started with --read-only: nothing can be changed here.">
          read-only
        </span>
      )}
      <button type="button" class="button-icon" aria-label={isDark() ? "Light" : "Dark"} title={isDark() ? "Light" : "Dark"} onClick={toggleTheme}>
        <Icon name={isDark() ? "sun" : "moon"} />
      </button>
      <button type="button" class="button-icon" aria-label="Keyboard and help" title="Keyboard and help (?)" onClick={() => (isHelpOpen.value = true)}>
        <Icon name="help" />
      </button>
      {session.value?.has_people === true && session.value.is_signed_in && <Person />}
    </header>
  );
}

function Person(): JSX.Element {
  const user = session.value?.user ?? "somebody";
  return (
    <Popover button={<Icon name="person" />} label={`Signed in as ${user}`} buttonClass="button-icon">
      {(close) => (
        <div class="menu">
          <p class="menu-title">{user}</p>
          <a class="menu-item" href={formatHash(["people"])} onClick={close}>
            Keys and teams
          </a>
          <button
            type="button"
            class="menu-item"
            onClick={() => {
              close();
              signOut().catch(failed);
            }}
          >
            Sign out
          </button>
        </div>
      )}
    </Popover>
  );
}
