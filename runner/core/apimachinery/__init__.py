"""The pure half of an API server: requests, bodies, patches and answers as values.

Nothing here reads, writes or waits. Whoever serves HTTP calls, in this order::

    requests.resource_request(method, path, is_watch=…)   -> ResourceRequest(verb, resource, namespace, name, subresource)
    negotiation.negotiate(accept, is_collection=…)        -> Answer(shape, version): "", Table, PartialObjectMetadata…
    negotiation.body_type(content_type)                   -> the media type of a body: JSON, YAML or protobuf
    options.list_options(query, kind)                     -> ListOptions; .selects(value) says whether an object is asked for
    options.write_options(query, verb=…)                  -> WriteOptions(is_dry, manager, validation)
    options.delete_options(query, body)                   -> DeleteOptions; options.check_preconditions(options, stored, …)

    gojson.parse_object(body)                             -> the JSON object, and sentences on fields that come twice
    protobuf.parse_body(body)                             -> the JSON object of a body in protobuf
    decoding.decode(value, decoding.type_of(version, kind)) -> Decoded(value, fault, unknown)
    options.read_strictly(decoded, kind, version, …)      -> warnings; what was not read is refused (400)

    patching.patch(stored, media_type, body, validation=…) -> Patched(value, warnings), before defaults
    updating.check_place(value, name, namespace)          -> the object is the path's (changes the value)
    updating.check_version(value, stored, plural, group)  -> resourceVersion and uid hold (409)
    updating.updated(value, stored)                       -> the object with defaults, checked: what registries store
    updating.with_status(value, stored)                   -> the same for ``…/status``
    updating.with_ephemeral_containers(value, stored)     -> the same for ``…/ephemeralcontainers``

    paging.page(items, version, limit=…, token=…)         -> Page(items, metadata) of a list
    tables.table(kind, values, now, metadata=…, …)        -> a Table; tables.partial(value) -> PartialObjectMetadata
    statuses.*                                            -> StatusError(code, reason, message, details); .status is the body
    statuses.success(…)                                   -> the Status of a deletion

    discovery.aggregated(is_core=…, version=…)            -> ``/api``, ``/apis`` for those who ask (negotiation.discovery_version)
    discovery.api_versions, api_groups, api_group, api_resources -> the same for others
    discovery.version_info, openapi_index, openapi_document      -> ``/version``, ``/openapi/v3``
    resources.RESOURCES, resource_at, resource_of         -> what is served

Everything that a client gets wrong is raised as ``statuses.StatusError``, with the server's text and code. What is not here: a
new object's identity and admission (``runner.registry.admission``), server-side apply, managedFields (objects have none).
"""
