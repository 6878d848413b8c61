"""MLflow's registry client, as MLflow's own tests of the registry use it, and the registry that `slipway deploy` shares with it.

The server has one model already, `deployed`, of one version.
"""

import time

import mlflow
from checks import check, finish, request, server, wait_until
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

target = server()
mlflow.set_tracking_uri(target.url)
client = MlflowClient(target.url)


def refused(match, call, *words, **named):
    try:
        call(*words, **named)
    except MlflowException as error:
        assert match in str(error), f"{match!r} is not in {error}"
        return error.error_code
    raise AssertionError(f"{call.__name__} did not fail")


def pages(search, size):
    found, token = [], None
    while True:
        page = search(max_results=size, page_token=token)
        assert len(page) <= size
        found += page
        token = page.token
        if not token:
            return found


with check("makes models with tags, finds them, and takes a name once"):
    tags = {"key": "value", "another key": "some other value", "numeric value": 12345}
    made = client.create_registered_model("Create me 1", tags, "a description")
    found = client.get_registered_model("Create me 1")
    assert made.tags == found.tags == {"key": "value", "another key": "some other value", "numeric value": "12345"}
    assert (found.name, found.description, found.latest_versions, found.aliases) == ("Create me 1", "a description", [], {})
    assert found.creation_timestamp == found.last_updated_timestamp > 0
    assert refused("Registered Model (name=Create me 1) already exists", client.create_registered_model, "Create me 1") == "RESOURCE_ALREADY_EXISTS"
    for name in ["a/b", "a:b", "..", " ", "x" * 257]:
        assert refused("", client.create_registered_model, name) == "INVALID_PARAMETER_VALUE", name
    assert refused("Registered Model with name=nobody not found", client.get_registered_model, "nobody") == "RESOURCE_DOES_NOT_EXIST"

with check("searches models by name and tag, page by page, in an order"):
    names = [f"CreateRMsearch{number:03}" for number in range(29)]
    for name in names:
        client.create_registered_model(name)
    client.set_registered_model_tag(names[3], "colour", "Blue")
    for size in (1, 8, 100):
        def search(filter_string, **page):
            return client.search_registered_models(filter_string=filter_string, **page)
        for text, want in {
            "name LIKE 'CreateRMs%7'": [name for name in names if name.endswith("7")],
            "name ILIKE '%rmsearch%00%'": [name for name in names if "00" in name],
            "name LIKE '%rmsearch%00%'": [],
            "name = 'CreateRMsearch023'": ["CreateRMsearch023"],
            "tags.colour ILIKE 'blu_'": [names[3]],
            "tag.`colour` != 'red'": [names[3]],
        }.items():
            assert [model.name for model in pages(lambda **page: search(text, **page), size)] == want, (text, size)
    newest = client.search_registered_models("name LIKE 'CreateRMs%'", order_by=["name DESC"], max_results=2)
    assert [model.name for model in newest] == names[:-3:-1]
    assert refused("", client.search_registered_models, "name ! 'x'") == "INVALID_PARAMETER_VALUE"

with check("renames, describes and removes models"):
    client.create_registered_model("Rename me")
    version = client.create_model_version("Rename me", "runs:/run_id/model", "run_id_1", {"t": "u"})
    client.set_registered_model_alias("Rename me", "best", "1")
    client.rename_registered_model("Rename me", "Renamed 2")
    renamed = client.get_registered_model("Renamed 2")
    assert (renamed.name, [each.name for each in renamed.latest_versions]) == ("Renamed 2", ["Renamed 2"])
    refused("Registered Model with name=Rename me not found", client.get_registered_model, "Rename me")
    refused("already exists", client.rename_registered_model, "Renamed 2", "Create me 1")
    assert client.get_model_version_by_alias("Renamed 2", "best").tags == version.tags
    client.update_registered_model("Renamed 2", "4th update")
    assert client.get_registered_model("Renamed 2").description == "4th update"
    client.delete_registered_model("Renamed 2")
    refused("Registered Model with name=Renamed 2 not found", client.rename_registered_model, "Renamed 2", "something else")
    client.create_registered_model("Renamed 2")
    assert client.get_registered_model("Renamed 2").description == ""
    assert client.create_model_version("Renamed 2", "runs:/run_id/model").version == "1"

with check("sets and deletes tags of models and versions"):
    client.create_registered_model("Tagged")
    client.create_model_version("Tagged", "runs:/run_id/model", "run_id_1")
    client.set_registered_model_tag("Tagged", "empty", "")
    client.set_registered_model_tag("Tagged", "number", 5)
    assert client.get_registered_model("Tagged").tags == {"empty": "", "number": "5"}
    client.delete_registered_model_tag("Tagged", "empty")
    client.delete_registered_model_tag("Tagged", "never there")
    assert client.get_registered_model("Tagged").tags == {"number": "5"}
    client.set_model_version_tag("Tagged", "1", "key", "value")
    client.set_model_version_tag("Tagged", "1", "empty", "")
    client.delete_model_version_tag("Tagged", "1", "key")
    assert client.get_model_version("Tagged", "1").tags == {"empty": ""}

with check("registers versions whose files nobody knows, and finds them"):
    client.create_registered_model("Versions")
    first = client.create_model_version("Versions", "runs:/run_id/model", "run_id_1", {"key": "value"}, description="one")
    second = client.create_model_version("Versions", "runs:/run_id/another_model", "run_id_1", run_link="link")
    third = client.create_model_version("Versions", "runs:/run_id/another_model", "run_id_2")
    assert [each.version for each in (first, second, third)] == ["1", "2", "3"]
    assert (first.status, first.current_stage, first.tags, first.run_id, second.run_link) == ("READY", "None", {"key": "value"}, "run_id_1", "link")
    assert (first.description, second.description) == ("one", "")
    assert client.get_model_version("Versions", "1") == first
    assert client.get_model_version_download_uri("Versions", "1") == "runs:/run_id/model"
    assert client.search_model_versions("run_id = 'run_id_1' AND name = 'Versions'") == [second, first]
    assert client.search_model_versions("name = 'Versions' AND source_path = 'runs:/run_id/model'") == [first]
    assert [each.version for each in client.search_model_versions("name = 'Versions' AND run_id IN ('run_id_2')")] == ["3"]
    assert [each.version for each in client.search_model_versions("name = 'Versions'", order_by=["version_number ASC"])] == ["1", "2", "3"]
    assert [each.version for each in pages(lambda **page: client.search_model_versions("name = 'Versions'", **page), 2)] == ["3", "2", "1"]
    assert [model.latest_versions for model in client.search_registered_models("name = 'Versions'")] == [[third]]
    assert refused("Parameter 'version' must be an integer, got 'x y'.", client.get_model_version, "Versions", "x y") == "INVALID_PARAMETER_VALUE"
    assert refused("Model Version (name=Versions, version=9) not found", client.get_model_version, "Versions", "9") == "RESOURCE_DOES_NOT_EXIST"
    refused("Registered Model with name=nobody not found", client.create_model_version, "nobody", "runs:/run_id/model")

with check("takes no local file and no way out of a folder for a source"):
    for source in ["/etc", "file:///etc", "etc/passwd", "mlflow-artifacts:/0/../../etc", "http://host/%2e%2e/x", "s3://bucket/%252e%252e/x", "mlflow-artifacts:/a\\..\\b"]:
        status, _, body = request(target, "POST", "/api/2.0/mlflow/model-versions/create", {"name": "Versions", "source": source})
        assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), (source, body)

with check("gives the newest version of each stage"):
    client.create_registered_model("Stages")
    for number, stage in enumerate(["Archived", "Production", "Archived", "production", "STAGING", "Staging", None], 1):
        client.create_model_version("Stages", "runs:/run_id/model", "run_id")
        if stage is not None:
            client.transition_model_version_stage("Stages", str(number), stage)

    def latest(stages):
        return {each.current_stage: each.version for each in client.get_latest_versions("Stages", stages)}
    assert latest(["None", "staging"]) == {"None": "7", "Staging": "6"}
    assert latest(None) == latest([]) == {"Production": "4", "Staging": "6", "Archived": "3", "None": "7"}
    status, _, body = request(target, "GET", "/api/2.0/mlflow/registered-models/get-latest-versions?name=Stages&stages=None&stages=Staging")
    assert status == 200 and {each["version"] for each in body["model_versions"]} == {"6", "7"}, body
    client.transition_model_version_stage("Stages", "7", "Production", archive_existing_versions=True)
    assert {each.version: each.current_stage for each in client.search_model_versions("name = 'Stages'")} == {
        "1": "Archived", "2": "Archived", "3": "Archived", "4": "Archived", "5": "Staging", "6": "Staging", "7": "Production",
    }
    for stage in ["None", "Archived", "nothing"]:
        refused("", client.transition_model_version_stage, "Stages", "1", stage, archive_existing_versions=True)

with check("never gives the number of a removed version again"):
    client.create_registered_model("Numbers")
    for _ in range(3):
        client.create_model_version("Numbers", "runs:/run_id/model", "run_id")
    client.set_registered_model_alias("Numbers", "last", "3")
    client.delete_model_version("Numbers", "3")
    for call in (client.delete_model_version, client.get_model_version):
        refused("Model Version (name=Numbers, version=3) not found", call, "Numbers", "3")
    refused("Model Version (name=Numbers, version=3) not found", client.update_model_version, "Numbers", "3", "x")
    assert client.get_registered_model("Numbers").aliases == {}
    assert client.create_model_version("Numbers", "runs:/run_id/model", "run_id").version == "4"
    assert client.update_model_version("Numbers", "4", "described").description == "described"

with check("points aliases, and answers for latest and for none"):
    client.create_registered_model("Aliases")
    for _ in range(2):
        client.create_model_version("Aliases", "runs:/run_id/model", "run_id_1")
    client.set_registered_model_alias("Aliases", "test_alias", "1")
    assert client.get_registered_model("Aliases").aliases == {"test_alias": "1"}
    assert client.get_model_version("Aliases", "1").aliases == ["test_alias"]
    assert client.get_model_version_by_alias("Aliases", "test_alias") == client.get_model_version("Aliases", "1")
    assert client.get_model_version_by_alias("Aliases", "latest").version == "2"
    for alias in ["latest", "v1", "a b", "x" * 256]:
        assert refused("", client.set_registered_model_alias, "Aliases", alias, "1") == "INVALID_PARAMETER_VALUE"
    client.delete_registered_model_alias("Aliases", "test_alias")
    client.delete_registered_model_alias("Aliases", "test_alias")
    assert refused("Registered model alias test_alias not found", client.get_model_version_by_alias, "Aliases", "test_alias") == "INVALID_PARAMETER_VALUE"

with check("copies versions with their tags, and leads to the files of the original"):
    client.create_registered_model("Copies")
    source = client.create_model_version("Copies", "runs:/run_id/model", "run_id_1", description="dummy", tags={"hello": "world"})
    client.set_registered_model_alias("Copies", "best", "1")
    copy = client.copy_model_version("models:/Copies@best", "Copies elsewhere")
    assert (copy.version, copy.source, copy.run_id, copy.tags, copy.description) == ("1", "models:/Copies/1", "run_id_1", {"hello": "world"}, "dummy")
    assert client.get_model_version_download_uri("Copies elsewhere", "1") == source.source
    client.copy_model_version("models:/Copies elsewhere/1", "Copies")
    assert client.get_model_version_download_uri("Copies", "2") == source.source

if hasattr(mlflow, "genai"):  # the 3.x clients alone know prompts
    prompts = mlflow.genai
    with check("keeps prompts apart from models"):
        first = prompts.register_prompt("Greeting", "Hello, {{name}}!", commit_message="first")
        second = prompts.register_prompt("Greeting", "Good day, {{name}}!")
        assert (str(first.version), str(second.version)) == ("1", "2")
        assert prompts.load_prompt("prompts:/Greeting/1").template == "Hello, {{name}}!"
        assert "Greeting" not in [model.name for model in client.search_registered_models(max_results=1000)]
        assert "Greeting" not in [each.name for each in client.search_model_versions(max_results=10_000)]
        found = client.search_registered_models("tag.`mlflow.prompt.is_prompt` = 'true'")
        assert [model.name for model in found] == ["Greeting"]

with check("shows what slipway deployed, and gives its stage and the traffic to one version"):
    deployed = client.get_model_version("deployed", "1")
    assert (deployed.aliases, deployed.current_stage, deployed.status) == (["champion"], "None", "READY")
    copy = client.copy_model_version("models:/deployed/1", "deployed")
    assert copy.version == "2"
    assert client.get_registered_model("deployed").aliases == {"champion": "1"}
    client.transition_model_version_stage("deployed", "2", "Production")
    assert client.get_registered_model("deployed").aliases == {"champion": "2"}

    def serving():
        status, _, body = request(target, "GET", "/v2/models/deployed")
        return status == 200 and body["versions"] == ["2"]
    wait_until(serving, "version 2 serving")
    client.rename_registered_model("deployed", "renamed")
    wait_until(lambda: request(target, "GET", "/v2/models/renamed/ready")[0] == 200, "serving under the new name")
    wait_until(lambda: request(target, "GET", "/v2/models/deployed")[0] == 404, "the end of the old name")
    client.delete_model_version("renamed", "2")
    wait_until(lambda: request(target, "GET", "/v2/models/renamed/ready")[0] != 200, "the end of what was removed")
    client.set_registered_model_alias("renamed", "champion", "1")
    wait_until(lambda: request(target, "GET", "/v2/models/renamed/ready")[0] == 200, "the champion serving again")
    client.delete_registered_model("renamed")
    wait_until(lambda: request(target, "GET", "/v2/models/renamed")[0] == 404, "the end of the model")

with check("gives no traffic to what cannot run"):
    client.create_registered_model("Nothing")
    client.create_model_version("Nothing", "runs:/run_id/model", "run_id")
    client.transition_model_version_stage("Nothing", "1", "Production")
    assert client.get_registered_model("Nothing").aliases == {}
    status, _, body = request(target, "PUT", "/api/models/Nothing/aliases/champion", {"version": "1"})
    assert (status, body["error"]["code"]) == (409, "VERSION_NOT_RUNNABLE"), body
    client.set_registered_model_alias("Nothing", "champion", "1")
    assert client.get_model_version_by_alias("Nothing", "champion").version == "1"
    assert request(target, "GET", "/v2/models/Nothing/ready")[0] != 200

with check("leaves later changes with later times"):
    client.create_registered_model("Times")
    before = client.get_registered_model("Times").last_updated_timestamp
    time.sleep(0.005)  # the client's times are milliseconds
    client.create_model_version("Times", "runs:/run_id/model", "run_id")
    after = client.get_registered_model("Times")
    assert after.last_updated_timestamp > before == after.creation_timestamp
    client.update_model_version("Times", "1", "only the version")
    assert client.get_registered_model("Times").last_updated_timestamp == after.last_updated_timestamp

finish()
