"""What an admin does about people with `wandb.Api()`, and what somebody else may not."""

import os

import wandb
from answering import answer

api = wandb.Api()


def keys_of(username):
    return wandb.Api().user(username).api_keys


def create_user():
    made = api.create_user("cleo@lab.org")
    return [made.username, made.email, made.admin, keys_of("cleo")]


def create_admin():
    return api.create_user("dan@lab.org", admin=True).admin


def generate_key():
    viewer = api.viewer
    key = viewer.generate_api_key("for tests")
    mine = wandb.Api(api_key=key).viewer.username
    names = wandb.Api().viewer.api_keys
    return [key[:6], len(key), mine, key in names, len(names)]


def delete_key():
    viewer = wandb.Api().viewer
    last = viewer.api_keys[-1]
    return [viewer.delete_api_key(last), last in wandb.Api().viewer.api_keys]


def create_team():
    team = api.create_team("vision")
    return [team.name, [[member.username, member.admin] for member in team.members]]


def invite():
    team = api.team("vision")
    said = [team.invite("cleo@lab.org"), team.invite("bob", admin=True), team.invite("bob"), team.invite("nobody")]
    return [said, [[member.username, member.admin] for member in api.team("vision").members]]


def remove_member():
    cleo = next(member for member in api.team("vision").members if member.username == "cleo")
    return [cleo.delete(), [member.username for member in api.team("vision").members]]


def service_account():
    return api.team("vision").create_service_account("robot")


def team_of_one():
    # Teams that other tours make at this server stand there too.
    teams = [team for team in wandb.Api().viewer.teams if team in ("ada", "bob", "vision")]
    return [teams, [[member.username, member.admin] for member in api.team("ada").members]]


def team_project():
    with wandb.init(entity="vision", project="shared", id="t1") as run:
        run.log({"a": 1})
    bob = wandb.Api(api_key=os.environ["BOBS_KEY"])
    return [bob.viewer.teams, bob.run("vision/shared/t1").summary["a"]]


def bob_may_not():
    bob = wandb.Api(api_key=os.environ["BOBS_KEY"])
    said = []
    for ask in (
        lambda: bob.create_user("eve@lab.org"),
        lambda: bob.create_team("evil"),
        lambda: bob.run("ada/many/run0").name,
        lambda: len(bob.runs("ada/many")),
        lambda: bob.create_run(run_id="x", project="many", entity="ada"),
    ):
        try:
            said.append(str(ask()))
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
    return [said, bob.viewer.generate_api_key(), [user.username for user in bob.users("")]]


for step in (create_user, create_admin, generate_key, delete_key, create_team, invite, remove_member, service_account):
    answer(step.__name__, step)
for step in (team_of_one, team_project, bob_may_not):
    answer(step.__name__, step)
