"""Stable-Baselines3 and gymnasium beside a run: metrics of event files, the policy, the model, videos."""

import pytest

import runlake

pytestmark = pytest.mark.integration


@pytest.fixture
def gym(store):
    pytest.importorskip("pygame")
    pytest.importorskip("moviepy")
    return pytest.importorskip("gymnasium")


def test_stable_baselines_leaves_its_metrics_settings_gradients_and_model(store):
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    pytest.importorskip("tensorboard")
    from runlake.integrations.sb3 import WandbCallback

    with runlake.init(project="p", id="r", sync_tensorboard=True, config={"mine": 1}):
        model = stable_baselines3.PPO(
            "MlpPolicy", "CartPole-v1", n_steps=32, batch_size=32, n_epochs=1, tensorboard_log="runs", device="cpu"
        )
        model.learn(
            96, log_interval=1, callback=WandbCallback(gradient_save_freq=1, model_save_path="kept", model_save_freq=64)
        )
    rows = [row for row in store.rows("r") if "global_step" in row]
    assert [row["global_step"] for row in rows] == [32, 64, 96]
    assert {"time/fps", "train/loss", "rollout/ep_rew_mean"} <= set(rows[-1])
    assert any(key.startswith("gradients/") for row in store.rows("r") for key in row)
    config = dict(store.run("r").config)
    assert (config["mine"], config["algo"], config["n_steps"], config["seed"]) == (1, "PPO", 32, None)
    assert not [value for value in config.values() if " at 0x" in str(value)]
    assert stable_baselines3.PPO.load(store.file("r", "model.zip")).n_steps == 32
    assert len([name for name in store.files("r") if ".tfevents." in name]) == 1


def test_videos_that_gymnasium_records_are_values_while_the_run_lasts(store, gym):
    def play(folder):
        env = gym.make("CartPole-v1", render_mode="rgb_array", max_episode_steps=5)
        env = gym.wrappers.RecordVideo(env, folder, episode_trigger=lambda episode: True)
        for seed in range(2):
            env.reset(seed=seed)
            while not any(env.step(env.action_space.sample())[2:4]):
                pass
        env.close()

    with runlake.init(project="p", id="r", monitor_gym=True) as run:
        play("seen")
        run.log({"mine": 1})
    play("unseen")
    videos = [row["videos"] for row in store.rows("r") if "videos" in row]
    assert [(video["_type"], video["format"]) for video in videos] == [("video-file", "mp4")] * 2
    assert store.rows("r")[-1] == {"_step": 2, "mine": 1}
    assert all(store.file("r", video["path"]).stat().st_size == video["size"] for video in videos)
