"""Every error ends with its code and one line."""

import errno
import inspect

import pytest

from runlake import errors
from runlake.cli.failures import MEANINGS, ExitCode, LeftOutError, RefusedError, describe, exit_code_of


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.RunlakeError("x"), 6),
        (errors.UsageError("x"), 6),
        (errors.LogTypeError("x"), 6),
        (errors.ConfigError("x"), 6),
        (errors.BadValueError("x"), 2),
        (errors.PathError("x"), 2),
        (errors.UnsafeNameError("x"), 1),
        (errors.FilterError("x"), 2),
        (errors.SweepConfigError("x"), 2),
        (errors.SqlError("x"), 2),
        (errors.SqlLimitError("x"), 6),
        (errors.CommError("x"), 6),
        (errors.NotFoundError("x"), 3),
        (errors.FileExistsLocallyError("x"), 5),
        (errors.ConflictError("x"), 5),
        (errors.GapError("x", 3), 5),
        (errors.UnreachableError("x"), 6),
        (errors.AuthenticationError("x"), 6),
        (errors.ForbiddenError("x"), 6),
        (errors.TooLargeError("x"), 6),
        (errors.BusyError("x", retry_after_s=1.0), 6),
        (errors.SlowError("x"), 6),
        (errors.StoreError("x"), 4),
        (errors.TruncatedError("x"), 4),
        (errors.CorruptError("x"), 4),
        (errors.NewerFormatError("x"), 4),
        (errors.ReadOnlyError("x"), 6),
        (errors.NotSupportedError("x"), 7),
        (RefusedError("x"), 5),
        (LeftOutError("x"), 1),
        (PermissionError(errno.EACCES, "Permission denied", "f"), 6),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141),
        (OSError(errno.EPIPE, "Broken pipe"), 141),
        (ModuleNotFoundError("No module named 'x'", name="x"), 7),
        (MemoryError(), 6),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("x"), 70),
    ],
)
def test_every_error_has_its_exit_code(error, code):
    assert exit_code_of(error) == code


def test_every_error_of_the_library_is_known_to_the_table_above():
    classes = {one for _, one in inspect.getmembers(errors, inspect.isclass)}
    of_the_library = {one for one in classes if issubclass(one, Exception) and not issubclass(one, Warning)}
    marks = test_every_error_has_its_exit_code.pytestmark[0].args[1]
    assert of_the_library <= {type(error) for error, _ in marks}


def test_every_exit_code_has_a_meaning():
    assert list(MEANINGS) == list(ExitCode)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (errors.NotFoundError('run "a" not\n  in "m"'), 'run "a" not in "m"'),
        (OSError(errno.ENOSPC, "No space left on device", "out.csv"), "No space left on device: out.csv"),
        (OSError("odd"), "unexpected OSError: odd; RUNLAKE_TRACEBACK=1 shows where it comes from"),
        (ModuleNotFoundError("No module named 'x'", name="x"), "the package 'x' is not installed"),
        (MemoryError(), "out of memory; ask for fewer keys (--keys) or for samples (--samples)"),
        (KeyboardInterrupt(), "interrupted"),
        (errors.CommError(), "CommError"),
        (
            ZeroDivisionError("division by zero"),
            "unexpected ZeroDivisionError: division by zero; RUNLAKE_TRACEBACK=1 shows where it comes from",
        ),
    ],
)
def test_an_error_is_one_line(error, line):
    assert describe(error) == line
