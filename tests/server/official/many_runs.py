"""Seven short runs of our own library, for listings: ``python many_runs.py``."""

import runlake


def main():
    for number in range(7):
        run = runlake.init(
            entity="ada",
            project="many",
            id=f"run{number}",
            name=f"name {number}",
            tags=["even" if number % 2 == 0 else "odd", "all"],
            group=f"g{number % 3}",
            job_type="train",
            config={"lr": number / 10, "net": {"depth": number}, "a.b": number, "opt": "adam" if number < 4 else "sgd"},
        )
        for step in range(3):
            run.log({"loss": 10 - number - step / 10, "nested": {"x": number * step}})
        run.finish(exit_code=1 if number == 6 else 0)


if __name__ == "__main__":
    main()
