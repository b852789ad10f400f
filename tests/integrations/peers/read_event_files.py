"""What TensorBoard's own reader finds below a folder, as JSON: ``read_event_files.py FOLDER``."""

import json
import sys

from tensorboard.backend.event_processing import event_accumulator, plugin_event_multiplexer
from tensorboard.plugins.hparams import plugin_data_pb2

folder = sys.argv[1]
found = {}
multiplexer = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(folder)
multiplexer.Reload()
for name in multiplexer.Runs():
    reader = event_accumulator.EventAccumulator(
        f"{folder}/{name}",
        size_guidance=dict.fromkeys(("scalars", "images", "histograms", "tensors", "compressedHistograms", "audio"), 0),
    )
    reader.Reload()
    tags = reader.Tags()
    content = multiplexer.SummaryMetadata(name, "_hparams_/session_start_info").plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    end = plugin_data_pb2.HParamsPluginData.FromString(
        multiplexer.SummaryMetadata(name, "_hparams_/session_end_info").plugin_data.content
    ).session_end_info
    found[name] = {
        "scalars": {tag: [[e.wall_time, e.step, str(e.value)] for e in reader.Scalars(tag)] for tag in tags["scalars"]},
        "texts": {
            tag: [[e.step, e.tensor_proto.string_val[0].decode()] for e in reader.Tensors(tag)]
            for tag in tags["tensors"]
            if not tag.startswith("_hparams_")
        },
        "text_plugins": {
            tag: multiplexer.SummaryMetadata(name, tag).plugin_data.plugin_name
            for tag in tags["tensors"]
            if not tag.startswith("_hparams_")
        },
        "histograms": {tag: list(reader.Histograms(tag)[0].histogram_value.bucket) for tag in tags["histograms"]},
        "images": {
            tag: [[e.width, e.height, len(e.encoded_image_string)] for e in reader.Images(tag)]
            for tag in tags["images"]
        },
        "hyperparameters": {key: getattr(value, value.WhichOneof("kind")) for key, value in start.hparams.items()},
        "status": end.status,
    }
print(json.dumps(found))
