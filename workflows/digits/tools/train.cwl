cwlVersion: v1.2
class: CommandLineTool
label: Train the classifier
doc: Kernel ridge regression with a Gaussian kernel, one digit against the others.
$namespaces:
  iana: https://www.iana.org/assignments/media-types/
hints:
  DockerRequirement:
    dockerPull: localhost/hyflow-digits:1
  ResourceRequirement:
    coresMin: 1
    ramMin: 512
baseCommand: python3
inputs:
  script:
    type: File
    default: {class: File, location: train.py}
    inputBinding: {position: 1}
  training:
    type: File
    doc: The images to learn from.
    format: iana:text/csv
    inputBinding: {position: 2}
  gamma:
    type: float?
    doc: How fast likeness fades with the squared distance of two images.
    inputBinding: {position: 3, prefix: --gamma}
  ridge:
    type: float?
    doc: How much to hold the weights back.
    inputBinding: {position: 3, prefix: --ridge}
outputs:
  model:
    type: File
    doc: The model, and beside it, as model.json, what it was made of.
    format: iana:application/zip
    secondaryFiles: [^.json]
    outputBinding: {glob: model.npz}
