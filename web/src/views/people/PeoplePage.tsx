/** Who may use the server: own keys, teams, shared projects, and for admins the users. */

import type { JSX } from "preact";
import { session } from "../../state/session";
import { fetchMe, type PersonInfo } from "../../wire/people";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { useLoaded } from "../parts/use_loaded";
import { Keys } from "./Keys";
import { Shares } from "./Shares";
import { Teams } from "./Teams";
import { Users } from "./Users";
import "../../style/run.css";
import "../../style/people.css";

export function PeoplePage(): JSX.Element {
  if (session.value?.has_people === false) {
    return (
      <Empty title="Nobody has to sign in here" code="runlake serve --dir STORE">
        <p>This page shows a folder to whoever started it. Users, keys and teams belong to a server, which the line below starts.</p>
      </Empty>
    );
  }
  return <SignedIn />;
}

function SignedIn(): JSX.Element {
  const [loaded, again] = useLoaded(fetchMe, []);
  const { value: me, error } = loaded.value;
  if (me === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  return (
    <article class="people" aria-label="People">
      <h1>{me.user}</h1>
      <p class="soft">{standingOf(me)}</p>
      <Keys user={null} />
      <Teams me={me} />
      <Shares me={me} />
      {me.is_admin && <Users me={me} />}
    </article>
  );
}

function standingOf(me: PersonInfo): string {
  const teams = Object.entries(me.teams).map(([team, role]) => `${role} of ${team}`);
  return [me.is_admin ? "admin of this server" : "", me.email ?? "", ...teams].filter(Boolean).join(" · ") || "in no team";
}
