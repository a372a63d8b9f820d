cwlVersion: v1.2
class: CommandLineTool
label: Merge and count
$namespaces:
  iana: https://www.iana.org/assignments/media-types/
requirements:
  InlineJavascriptRequirement: {}
hints:
  DockerRequirement:
    dockerPull: localhost/hyflow-digits:1
  ResourceRequirement:
    coresMin: 1
    ramMin: 128
baseCommand: python3
inputs:
  script:
    type: File
    default: {class: File, location: merge.py}
    inputBinding: {position: 1}
  parts:
    type: File[]
    doc: The predictions of all slices.
    format: iana:text/csv
    inputBinding: {position: 2}
outputs:
  accuracy:
    type: float
    doc: The share of images that were read rightly, from 0 to 1.
    outputBinding:
      glob: metrics.json
      loadContents: true
      outputEval: $(JSON.parse(self[0].contents).accuracy)
  metrics:
    type: File
    doc: Accuracy, and each digit's precision and recall.
    format: iana:application/json
    outputBinding: {glob: metrics.json}
  confusion:
    type: File
    doc: "How often each digit (row) was read as each (column)."
    format: iana:text/csv
    outputBinding: {glob: confusion.csv}
  predictions:
    type: File
    doc: One line an image, in the order of the data set.
    format: iana:text/csv
    outputBinding: {glob: predictions.csv}
