cwlVersion: v1.2
class: Workflow
label: Handwritten digits, read in parallel
doc: |
  Distributed inference on a real data set. The images are split into a training part and slices, a classifier is trained
  once, every slice is classified on its own (wherever there is room), and the predictions are merged into accuracy, a
  confusion matrix and a one-page report. The result is the same for every number of slices.
$namespaces:
  iana: https://www.iana.org/assignments/media-types/
requirements:
  ScatterFeatureRequirement: {}

inputs:
  digits:
    type: File
    label: The data set
    doc: One line an image, 64 pixels (8x8, from 0 to 16) and the digit that it shows.
    format: iana:text/csv
  train_on:
    type: int
    label: Images to train with
    doc: Counted from the start of the data set; the others are classified.
    default: 1000
  slices:
    type: int
    label: Slices
    doc: How many parts to classify side by side.
    default: 4

steps:
  split:
    run: tools/split.cwl
    in: {digits: digits, train_on: train_on, slices: slices}
    out: [training, parts]
  train:
    run: tools/train.cwl
    in: {training: split/training}
    out: [model]
  classify:
    run: tools/classify.cwl
    scatter: part
    in: {model: train/model, part: split/parts}
    out: [predictions]
  merge:
    run: tools/merge.cwl
    in: {parts: classify/predictions}
    out: [accuracy, metrics, confusion, predictions]
  draw:
    run: tools/report.cwl
    in:
      digits: digits
      predictions: merge/predictions
      confusion: merge/confusion
      metrics: merge/metrics
    out: [report, picture]

outputs:
  accuracy: {type: float, outputSource: merge/accuracy, label: The share of images that were read rightly}
  metrics: {type: File, outputSource: merge/metrics, label: Accuracy and each digit's precision and recall}
  confusion: {type: File, outputSource: merge/confusion, label: How often each digit was read as each}
  predictions: {type: File, outputSource: merge/predictions, label: What every image was read as}
  model: {type: File, outputSource: train/model, secondaryFiles: [^.json], label: The trained model}
  report: {type: File, outputSource: draw/report, label: All of it on one page}
  picture: {type: File, outputSource: draw/picture, label: The confusion matrix as a picture}
