/** The teams that one is in, for admins all, and who is in them. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { done, failed } from "../../state/undo";
import { addTeam, fetchTeams, removeMember, removeTeam, ROLES, setMember, type PersonInfo, type Role, type TeamInfo } from "../../wire/people";
import { Problem } from "../parts/Problem";
import { useLoaded } from "../parts/use_loaded";
import { Certain } from "./Certain";

export function Teams({ me }: { readonly me: PersonInfo }): JSX.Element {
  const [loaded, again] = useLoaded(fetchTeams, []);
  const name = useSignal("");
  const { value: teams, error } = loaded.value;
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      await addTeam(name.value.trim(), { [me.user]: "admin" });
      name.value = "";
      again();
    } catch (problem) {
      failed(problem);
    }
  };
  return (
    <section>
      <h2>{me.is_admin ? "Teams" : "Your teams"}</h2>
      <p class="soft">Projects of a team are written by its admins and members, and read by its viewers. Its admins decide who is in it.</p>
      {error !== null && <Problem error={error} again={again} />}
      {teams?.length === 0 && <p>{me.is_admin ? "There is no team yet." : "You are in no team; an admin of the server makes one."}</p>}
      {(teams ?? []).map((team) => (
        <TeamView key={team.team} team={team} me={me} again={again} />
      ))}
      {me.is_admin && (
        <form class="people-form" onSubmit={(event) => void add(event)}>
          <label>
            Name
            <input class="field" required maxLength={128} value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
          </label>
          <button type="submit" class="button">
            Make a team
          </button>
        </form>
      )}
    </section>
  );
}

type TeamProps = { readonly team: TeamInfo; readonly me: PersonInfo; readonly again: () => void };

function TeamView({ team, me, again }: TeamProps): JSX.Element {
  const isMine = me.is_admin || me.teams[team.team] === "admin";
  const user = useSignal("");
  const role = useSignal<Role>("member");
  const change = (work: Promise<unknown>, said: string): Promise<void> =>
    work.then(
      () => {
        done(said);
        again();
      },
      (problem) => {
        failed(problem);
        again();
      },
    );
  const take = async (event: Event): Promise<void> => {
    event.preventDefault();
    const name = user.value.trim();
    await change(setMember(team.team, name, role.value), `${name} is ${role.value} of ${team.team}`);
    user.value = "";
  };
  return (
    <section class="team" aria-label={`Team ${team.team}`}>
      <h3>
        {team.team}{" "}
        {me.is_admin && (
          <Certain label="Remove" name={`the team ${team.team}`} warning="Its runs stay." act={() => change(removeTeam(team.team), `Removed the team ${team.team}`)} />
        )}
      </h3>
      <table class="documents-table">
        <tbody>
          {Object.entries(team.members).map(([member, is]) => (
            <tr key={member}>
              <th scope="row">{member}</th>
              <td>{isMine ? <RoleChoice name={member} role={is} choose={(next) => void change(setMember(team.team, member, next), `${member} is ${next} of ${team.team}`)} /> : is}</td>
              <td>
                {(isMine || member === me.user) && (
                  <Certain label={member === me.user ? "Leave" : "Take out"} name={member === me.user ? `the team ${team.team}` : member} act={() => change(removeMember(team.team, member), `${member} is no longer in ${team.team}`)} />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {isMine && (
        <form class="people-form" onSubmit={(event) => void take(event)}>
          <label>
            User
            <input class="field" required maxLength={128} value={user.value} onInput={(event) => (user.value = event.currentTarget.value)} />
          </label>
          <RoleChoice name={`a new member of ${team.team}`} role={role.value} choose={(next) => (role.value = next)} />
          <button type="submit" class="button">
            Take in
          </button>
        </form>
      )}
    </section>
  );
}

function RoleChoice({ name, role, choose }: { readonly name: string; readonly role: Role; readonly choose: (role: Role) => void }): JSX.Element {
  return (
    <select class="field" aria-label={`What ${name} is`} value={role} onChange={(event) => choose(event.currentTarget.value as Role)}>
      {ROLES.map((each) => (
        <option key={each} value={each}>
          {each}
        </option>
      ))}
    </select>
  );
}
