"""Writes cloudformation.json: where CloudFormation's AWS::QuickSight::Analysis and
AWS::QuickSight::Dashboard take less than QuickSight's own API, of which the
definition is. Run by hand, with the newest versions of both, when either has moved:

    pip install --upgrade botocore cfn-lint
    python3 differences.py > cloudformation.json

The API's side is botocore's model, CloudFormation's the schemas in cfn-lint. Members
are called Struct.Member, by the API's names. What one of the two types of resource
lacks counts, because both have the same definition.
"""

import json

import botocore.session
import cfnlint.template  # noqa: F401  (first: the package's modules import each other)
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

absent, required, most = set(), set(), {}


def compare(shape, schema, definitions, seen):
    """Compares a shape of the API with CloudFormation's schema of the same thing."""
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    if shape.type_name == "list":
        compare(shape.member, schema["items"], definitions, seen)
    if shape.type_name != "structure" or shape.name in seen:
        return
    seen.add(shape.name)
    for name in set(schema.get("required", [])) - set(shape.required_members):
        required.add(f"{shape.name}.{name}")
    for name, member in shape.members.items():
        path = f"{shape.name}.{name}"
        if name not in schema["properties"]:
            absent.add(path)
            continue
        theirs = schema["properties"][name].get("maxItems")
        ours = member.metadata.get("max")
        if member.type_name == "list" and theirs and (ours is None or theirs < ours):
            most[path] = min(theirs, most.get(path, theirs))
        compare(member, schema["properties"][name], definitions, seen)


model = botocore.session.get_session().get_service_model("quicksight")
for resource in ("Analysis", "Dashboard"):
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", f"AWS::QuickSight::{resource}").schema
    shape = model.operation_model(f"Create{resource}").input_shape.members["Definition"]
    compare(shape, schema["properties"]["Definition"], schema["definitions"], set())
# The one definition is read as a dashboard's, whatever it is put into.
as_dashboard = lambda path: path.replace("AnalysisDefinition.", "DashboardVersionDefinition.")
print(json.dumps({
    "absent": sorted({as_dashboard(p) for p in absent}),
    "required": sorted({as_dashboard(p) for p in required}),
    "most": {as_dashboard(p): n for p, n in sorted(most.items())},
}, indent=2))
